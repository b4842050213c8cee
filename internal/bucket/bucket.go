package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Settings are how a store is asked, as Amazon's tools name them in the environment.
type Settings struct {
	Endpoint   string // AWS_ENDPOINT_URL_S3, or AWS_ENDPOINT_URL; "": Amazon's
	Region     string // AWS_REGION, or AWS_DEFAULT_REGION; "": the bucket's, which is asked for
	Key        string // AWS_ACCESS_KEY_ID; "": credentials come from the user's file, or from the machine's role
	Secret     string // AWS_SECRET_ACCESS_KEY
	Token      string // AWS_SESSION_TOKEN; "": none
	NoMetadata bool   // AWS_EC2_METADATA_DISABLED: the machine's role is not asked for
}

// SettingsOf reads variables of the environment.
func SettingsOf(variable func(name string) string) Settings {
	first := func(names ...string) (value string) {
		for _, name := range names {
			if value = variable(name); value != "" {
				return value
			}
		}
		return ""
	}
	return Settings{Endpoint: first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"), Region: first("AWS_REGION", "AWS_DEFAULT_REGION"),
		Key: variable("AWS_ACCESS_KEY_ID"), Secret: variable("AWS_SECRET_ACCESS_KEY"), Token: variable("AWS_SESSION_TOKEN"), NoMetadata: strings.EqualFold(variable("AWS_EC2_METADATA_DISABLED"), "true")}
}

// A Bucket is where runs are kept.
type Bucket struct {
	Address
	client *minio.Client
	idle   func()
}

// Time that is allowed: for an answer to begin, for a connection, to find out whether the store knows us, for credentials of a
// machine's role, and for a file beside the time that it takes at slowest.
const (
	answers = 30 * time.Second
	dialled = 10 * time.Second
	retries = 6 // of a request that the store did not answer
	check   = 10 * time.Second
	role    = 5 * time.Second
	each    = 2 * time.Minute
	slowest = 64 << 10 // bytes a second
)

// Open makes ready to ask for a bucket. Nothing is asked yet, but who we are.
func Open(at Address, s Settings) (*Bucket, error) {
	host, secure, err := endpoint(s.Endpoint)
	if err != nil {
		return nil, err
	}
	known, err := s.credentials()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() // which takes proxies from the environment
	transport.ResponseHeaderTimeout = answers
	transport.DialContext = (&net.Dialer{Timeout: dialled}).DialContext
	client, err := minio.New(host, &minio.Options{Creds: known, Secure: secure, Region: s.Region, Transport: transport, MaxRetries: retries})
	if err != nil {
		return nil, fmt.Errorf("AWS_ENDPOINT_URL_S3: %w", err)
	}
	client.SetAppInfo("vllmspec", "1")
	return &Bucket{at, client, transport.CloseIdleConnections}, nil
}

// Close closes connections that are kept.
func (b *Bucket) Close() { b.idle() }

// endpoint is the host of a store, and whether it is asked over TLS.
func endpoint(address string) (host string, secure bool, err error) {
	if address == "" {
		return "s3.amazonaws.com", true, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", false, errors.New("AWS_ENDPOINT_URL_S3 is no address of a store; write https://host:port, without a bucket")
	}
	return u.Host, u.Scheme == "https", nil
}

// errNoCredentials says where they are looked for.
var errNoCredentials = errors.New("there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role")

// credentials are looked for where Amazon's tools look: the environment, the user's file, the role of the pod or the machine.
func (s Settings) credentials() (*credentials.Credentials, error) {
	if s.Key != "" && s.Secret != "" {
		return credentials.NewStaticV4(s.Key, s.Secret, s.Token), nil
	}
	if s.Key != "" || s.Secret != "" {
		return nil, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together; one of them is not set")
	}
	providers := []credentials.Provider{&credentials.FileAWSCredentials{}}
	if !s.NoMetadata {
		providers = append(providers, &credentials.IAM{Client: &http.Client{Timeout: role}})
	}
	found := credentials.NewChainCredentials(providers)
	if value, err := found.GetWithContext(&credentials.CredContext{Client: &http.Client{Timeout: role}}); err != nil || value.SignerType.IsAnonymous() || value.AccessKeyID == "" {
		return nil, errNoCredentials
	}
	return found, nil
}

// key is the name of a file of a run in the bucket.
func (b *Bucket) key(run, file string) string { return path.Join(b.Prefix, run, file) }

// Check asks the store whether it knows the bucket and us, and is an error where it says no. A store that cannot be reached
// now, or that does not let us look, may do so later: it is none.
func (b *Bucket) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, check)
	defer cancel()
	_, err := b.under(ctx, b.Prefix, 1) // what answers a HEAD does not say why
	switch answer := minio.ToErrorResponse(err); {
	case answer.Code == minio.AccessDenied, answer.StatusCode == http.StatusTooManyRequests, answer.StatusCode == http.StatusRequestTimeout:
		return nil
	case answer.StatusCode >= 300 && answer.StatusCode < 500:
		return b.said(err)
	}
	return nil
}

// expiredToken is a code that stores answer (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
const expiredToken = "ExpiredToken"

// said is an error of the store in plain words.
func (b *Bucket) said(err error) error {
	if err == nil {
		return nil
	}
	if of, ok := errors.AsType[*url.Error](err); ok {
		return &awayError{of.Err} // without the address, which is signed
	}
	if _, here := errors.AsType[*fs.PathError](err); here {
		return err
	}
	answer := minio.ToErrorResponse(err)
	switch answer.Code {
	case minio.NoSuchBucket:
		return fmt.Errorf("there is no bucket %s", b.Bucket)
	case minio.NoSuchKey:
		return errNotThere
	case minio.AccessDenied:
		return errors.New("access denied: the credentials do not allow it; s3:PutObject, s3:GetObject and s3:ListBucket are needed")
	case minio.InvalidAccessKeyID:
		return errors.New("the store does not know the access key")
	case minio.SignatureDoesNotMatch:
		return errors.New("the secret does not belong to the access key")
	case expiredToken:
		return errors.New("the session token has expired")
	case minio.RequestTimeTooSkewed:
		return errors.New("the clock of this machine and that of the store differ by more than the store allows; set this one right")
	case "PermanentRedirect", "AuthorizationHeaderMalformed":
		return errors.New("the bucket lies in another region; set AWS_REGION to its region")
	case "":
		return &awayError{err}
	}
	return fmt.Errorf("the store answers %s: %s", answer.Code, answer.Message)
}

// An awayError is that the store does not answer.
type awayError struct{ error }

// Unwrap is what became of the request.
func (a *awayError) Unwrap() error { return a.error }

// IsAway reports whether an error is that the store does not answer, as it would not to the next request either.
func IsAway(err error) bool {
	_, away := errors.AsType[*awayError](err)
	return away
}

var errNotThere = errors.New("it is not there")
