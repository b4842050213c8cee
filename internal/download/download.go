// Package download keeps files of the web in a folder of the user's: each is downloaded once, with its SHA-256
// beside it, and asked for again only where it may have changed. Offline, the copy is used that is there.
package download

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/internal/redact"
)

// Bounds of a download, where a [Folder] has no others.
const (
	largest = 64 << 30         // bytes
	longest = 2 * time.Hour    // all of it
	silence = time.Minute      // without a byte
	answer  = 30 * time.Second // until the answer begins
)

// A Folder keeps what is downloaded.
type Folder struct {
	Path    string            // of the folder
	Largest int64             // bytes of a file; 0: 64 GiB
	Silence time.Duration     // that a server may be silent for; 0: one minute
	Disk    *disk.Disk        // that it is written to; nil: the system's
	Say     func(line string) // is called before a download; nil: nothing is said
	Trust   *http.Transport   // that is asked with; nil: the usual one, with proxies as the environment names them
	Secrets *redact.Secrets   // that no error shows; nil: none are known
}

// A Request is a file that is wanted.
type Request struct {
	URL    string
	Token  string // bearer token for its host; never written to any output
	SHA256 string // that it must have, in hex; "": any
	Fixed  bool   // its address names its content: what is there is never asked for again
	Into   string // where it is kept in the folder, with slashes; "": a place made of its address
}

// A File is a file that was downloaded.
type File struct {
	Path    string // where it lies
	SHA256  string
	Warning string // what a reader should know of how it was come by; "": nothing
}

// Get is the file on this machine. Its errors and warnings show no credentials.
func (f *Folder) Get(ctx context.Context, want Request) (File, error) {
	if err := want.check(); err != nil {
		return File{}, fmt.Errorf("%s: %w", Shown(want.URL), err)
	}
	kept := f.kept(want)
	if have, err := kept.verified(); err == nil && (want.Fixed && want.SHA256 == "" || want.SHA256 == have) {
		return File{Path: kept.path, SHA256: have}, nil
	}
	got, err := f.fetch(ctx, want, kept)
	if err == nil {
		return got, nil
	}
	have, broken := kept.verified()
	if _, refused := errors.AsType[*refusal](err); refused || broken != nil || want.SHA256 != "" && want.SHA256 != have {
		return File{}, fmt.Errorf("%s: %w", Shown(want.URL), err)
	}
	return File{Path: kept.path, SHA256: have, Warning: fmt.Sprintf("%s could not be asked for again (%v): the copy of %s is used", Shown(want.URL), err, kept.since())}, nil
}

// Shown is an address as a reader sees it: without credentials, and without what it is pinned to.
func Shown(address string) string { return redact.URL(address) }

// A refusal is an error that a copy on this machine does not make good.
type refusal struct{ error }

// Unwrap is what was refused.
func (r *refusal) Unwrap() error { return r.error }

func refuse(format string, args ...any) error { return &refusal{fmt.Errorf(format, args...)} }

// check refuses an address that cannot be asked.
func (want Request) check() error {
	u, err := url.Parse(want.URL)
	switch {
	case err != nil:
		return errors.New("it is no address")
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("the address begins with %q; files are downloaded from https:// and http://", u.Scheme)
	case u.Host == "":
		return errors.New("the address names no host")
	case u.User != nil:
		return errors.New("the address holds a user or a password, which each reader of the feature would see; leave them out, and download the file beforehand where they are needed")
	case want.Token != "" && u.Scheme == "http" && !isLoopback(u.Hostname()):
		return errors.New("a token is not sent over http://, where each host on the way could read it; write https://")
	case want.SHA256 != "" && !isSHA256(want.SHA256):
		return fmt.Errorf("sha256=%s is no SHA-256; that has 64 hexadecimal digits, as sha256sum prints them", want.SHA256)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func isSHA256(sum string) bool {
	raw, err := hex.DecodeString(sum)
	return err == nil && len(raw) == sha256.Size && sum == strings.ToLower(sum)
}

// kept is where a file is kept, with its checksum and what its server calls this state of it beside it.
func (f *Folder) kept(want Request) *keeping {
	at := want.Into
	if at == "" {
		u, _ := url.Parse(want.URL) // it was parsed before
		u.Fragment = ""
		sum := sha256.Sum256([]byte(u.String()))
		at = path.Join("files", hex.EncodeToString(sum[:8]), cmp.Or(fileName(u), "file"))
	}
	return &keeping{filepath.Join(f.Path, filepath.FromSlash(at)), f.Disk}
}

// fileName is the name that a file is kept under: the last part of its address.
func fileName(u *url.URL) string {
	const longestName = 150
	name := path.Base(u.Path)
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`\/:*?"<>|`, r) || r < ' ' {
			return '_'
		}
		return r
	}, name)
	if len(name) > longestName {
		name = name[len(name)-longestName:]
	}
	return strings.TrimLeft(strings.TrimSpace(name), ".")
}

// fetch asks for the file, and keeps it.
func (f *Folder) fetch(ctx context.Context, want Request, kept *keeping) (File, error) {
	ctx, stop := context.WithTimeout(ctx, longest)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, want.URL, nil)
	if err != nil {
		return File{}, err
	}
	request.Header.Set("User-Agent", "vllmspec")
	request.Header.Set("Accept-Encoding", "identity") // the file as it is, so that its checksum is that of its publisher
	if want.Token != "" {
		request.Header.Set("Authorization", "Bearer "+want.Token)
	}
	have, broken := kept.verified()
	if tag := kept.tag(); broken == nil && tag != "" && want.SHA256 == "" {
		request.Header.Set("If-None-Match", tag)
	}
	client, closeIdle := f.client()
	defer closeIdle()
	response, err := client.Do(request)
	if err != nil {
		return File{}, f.unreachable(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotModified && broken == nil {
		return File{Path: kept.path, SHA256: have}, nil
	}
	if err := acceptable(response, want.Token != ""); err != nil {
		return File{}, err
	}
	got, err := f.save(ctx, cancel, want, response, kept)
	if err == nil && broken == nil && have != got.SHA256 {
		got.Warning = fmt.Sprintf("%s has changed since it was downloaded before: its SHA-256 was %s and is %s", Shown(want.URL), have, got.SHA256)
	}
	return got, err
}

// client is what asks. It keeps no connection: a run begins with none open that are not its own.
func (f *Folder) client() (*http.Client, func()) {
	transport := f.Trust
	if transport == nil {
		transport = http.DefaultTransport.(*http.Transport).Clone() // which takes proxies from the environment
	}
	transport.DisableKeepAlives = true
	transport.ResponseHeaderTimeout = answer
	redirects := func(next *http.Request, via []*http.Request) error {
		const most = 10
		switch {
		case len(via) >= most:
			return refuse("it leads on more than %d times", most)
		case via[0].URL.Scheme == "https" && next.URL.Scheme != "https":
			return refuse("it leads from https to %s, which anyone on the way could change", Shown(next.URL.String()))
		}
		return nil
	}
	return &http.Client{Transport: transport, CheckRedirect: redirects}, transport.CloseIdleConnections
}

// unreachable is the error of a request without its address, which may hold credentials.
func (f *Folder) unreachable(err error) error {
	if of, ok := errors.AsType[*url.Error](err); ok {
		err = of.Err
	}
	if _, ok := errors.AsType[*refusal](err); ok {
		return err
	}
	return errors.New(f.Secrets.Text(err.Error()))
}

// ErrClosed is that a file is not for each who asks.
var ErrClosed = errors.New("it is not open")

// acceptable refuses an answer that is not the file.
func acceptable(response *http.Response, withToken bool) error {
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		if withToken {
			return refuse("the server answers %s: %w to this token", response.Status, ErrClosed)
		}
		return refuse("the server answers %s: %w", response.Status, ErrClosed)
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return fmt.Errorf("the server answers %s", response.Status)
	case status != http.StatusOK:
		return refuse("the server answers %s", response.Status)
	case strings.HasPrefix(response.Header.Get("Content-Type"), "text/html"):
		return refuse("it is a web page, not a file; name the address that the file is downloaded from (on GitHub and the Hub that of “raw” or “resolve”)")
	}
	return nil
}

// save writes the answer's body into the folder, unless it has another checksum than it must.
func (f *Folder) save(ctx context.Context, cancel context.CancelCauseFunc, want Request, response *http.Response, kept *keeping) (got File, err error) {
	most := cmp.Or(f.Largest, largest)
	if response.ContentLength > most {
		return got, refuse("it has %s; files of up to %s are downloaded", size(response.ContentLength), size(most))
	}
	if f.Say != nil {
		f.Say(fmt.Sprintf("Downloading %s (%s)", Shown(want.URL), size(response.ContentLength)))
	}
	if err := f.Disk.MakeAll(filepath.Dir(kept.path)); err != nil {
		return got, &refusal{err}
	}
	file, err := f.Disk.Begin(kept.path)
	if err != nil {
		return got, &refusal{err}
	}
	sum := sha256.New()
	allowed := cmp.Or(f.Silence, silence)
	quiet := time.AfterFunc(allowed, func() { cancel(fmt.Errorf("no byte came for %v", allowed)) })
	defer quiet.Stop()
	body := &watched{response.Body, func() { quiet.Reset(allowed) }}
	n, err := io.Copy(io.MultiWriter(file, sum), io.LimitReader(body, most+1))
	switch {
	case ctx.Err() != nil: // even where the body ended well: a server that sees us go may close it as if it were whole
		err = fmt.Errorf("%w, after %s", context.Cause(ctx), size(n))
	case err != nil:
		err = f.unreachable(err)
	case n > most:
		err = refuse("it is larger than %s", size(most))
	}
	got = File{Path: kept.path, SHA256: hex.EncodeToString(sum.Sum(nil))}
	if err == nil && want.SHA256 != "" && got.SHA256 != want.SHA256 {
		err = refuse("its SHA-256 is %s, and the one that it must have is %s; the file has changed, or is another one", got.SHA256, want.SHA256)
	}
	if err != nil {
		file.Abandon()
		return File{}, err
	}
	if err := file.Commit(); err != nil {
		return File{}, &refusal{err}
	}
	if err := kept.note(got.SHA256, response.Header.Get("ETag")); err != nil {
		return File{}, &refusal{err}
	}
	return got, nil
}

// watched tells of each byte that comes.
type watched struct {
	io.Reader
	came func()
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 {
		w.came()
	}
	return n, err
}

// size is a number of bytes for a reader.
func size(n int64) string {
	switch {
	case n < 0:
		return "of unknown size"
	case n < 1<<20:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<30:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// CacheFolder is where vllmspec keeps what it downloads: vllmspec in the user's folder of caches.
func CacheFolder() (string, error) {
	folder, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder for what is downloaded: set XDG_CACHE_HOME, or HOME: %w", err)
	}
	return filepath.Join(folder, "vllmspec"), nil
}
