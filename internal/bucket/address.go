package bucket

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// An Address is where runs are kept: a bucket, and a prefix that their names get in it.
type Address struct {
	Bucket string
	Prefix string // without slashes at its ends; "": none
}

const scheme = "s3://"

// IsAddress reports whether a text is an address rather than a path of this machine: also one with a slip in it, as s3:/bucket
// or s3//bucket, which would make a folder of that name.
func IsAddress(text string) bool {
	return strings.Contains(text, "://") || strings.HasPrefix(text, "s3:") || strings.HasPrefix(text, "s3//")
}

// names are those that a bucket can have (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html).
var names = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Parse reads an address: s3://bucket/prefix. Its error does not repeat what may be a secret.
func Parse(text string) (Address, error) {
	switch kind, _, _ := strings.Cut(text, "://"); kind {
	case "s3":
	case "gs", "gcs":
		return Address{}, errors.New("buckets of Google Cloud are asked by S3's protocol: write s3://bucket/prefix, and set AWS_ENDPOINT_URL_S3=https://storage.googleapis.com with an HMAC key of the bucket")
	case "azblob", "az", "abfs", "wasbs":
		return Address{}, errors.New("this version cannot ask Azure's blob storage; write s3://bucket/prefix for a store that speaks S3's protocol")
	default:
		return Address{}, errors.New("it is neither a folder nor a bucket; a bucket is written s3://bucket/prefix")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return Address{}, errors.New("it cannot be read; a bucket is written s3://bucket/prefix")
	case u.User != nil:
		return Address{}, errors.New("it holds credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead")
	case u.RawQuery != "" || u.Fragment != "":
		return Address{}, errors.New("nothing may follow the prefix; the endpoint is AWS_ENDPOINT_URL_S3, and the region AWS_REGION")
	case !names.MatchString(u.Host):
		return Address{}, fmt.Errorf("%q is no name of a bucket: it has 3 to 63 small letters, digits, hyphens and dots", u.Host)
	}
	return Address{u.Host, strings.Trim(path.Clean("/"+u.Path), "/")}, nil
}

// String is the address as it is written.
func (a Address) String() string { return scheme + path.Join(a.Bucket, a.Prefix) }

// Run takes the address of a run apart: where it is kept, and its name; "" where it is that of no run.
func (a Address) Run() (in Address, run string) {
	if !strings.HasPrefix(path.Base(a.Prefix), "run=") {
		return a, ""
	}
	return Address{a.Bucket, strings.Trim(path.Dir("/"+a.Prefix), "/")}, path.Base(a.Prefix)
}
