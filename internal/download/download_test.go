package download_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/download"
)

func sumOf(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// served is a server with one file, and a folder that trusts it.
func served(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *download.Folder) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	return server, &download.Folder{Path: t.TempDir(), Trust: server.Client().Transport.(*http.Transport).Clone()}
}

func get(folder *download.Folder, want download.Request) (download.File, error) {
	return folder.Get(context.Background(), want)
}

func TestGet_downloadsOnceAndKeepsTheChecksumBeside(t *testing.T) {
	var bodies, asked atomic.Int32
	text := "one\ntwo\n"
	server, folder := served(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("ETag", `"`+sumOf(text)+`"`)
		if r.Header.Get("If-None-Match") == `"`+sumOf(text)+`"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		bodies.Add(1)
		fmt.Fprint(w, text)
	})
	want := download.Request{URL: server.URL + "/data/chats.txt?key=abcdefgh12345678#x"}
	first, err := get(folder, want)
	require.NoError(t, err)
	assert.Equal(t, "chats.txt", filepath.Base(first.Path))
	assert.Equal(t, sumOf(text), first.SHA256)
	assert.Empty(t, first.Warning)
	beside, err := os.ReadFile(first.Path + ".sha256")
	require.NoError(t, err)
	assert.Equal(t, sumOf(text)+"  chats.txt\n", string(beside), "as sha256sum -c reads it")

	second, err := get(folder, want)
	require.NoError(t, err)
	assert.Equal(t, first, second)
	assert.EqualValues(t, 1, bodies.Load(), "the server said that it had not changed")

	before := asked.Load()
	want.SHA256 = sumOf(text)
	_, err = get(folder, want)
	require.NoError(t, err)
	assert.Equal(t, before, asked.Load(), "what is pinned and there needs no network")

	require.NoError(t, os.WriteFile(first.Path, []byte("other"), 0o600))
	_, err = get(folder, want)
	require.NoError(t, err)
	assert.EqualValues(t, 2, bodies.Load(), "a copy that was changed is not used")

	text = "three\n"
	want.SHA256 = ""
	changed, err := get(folder, want)
	require.NoError(t, err)
	assert.Contains(t, changed.Warning, "has changed since it was downloaded before: its SHA-256 was "+first.SHA256+" and is "+sumOf(text))
	assert.NotContains(t, changed.Warning, "abcdefgh12345678")
}

func TestGet_refusesAnotherChecksumWithBoth(t *testing.T) {
	server, folder := served(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "other") })
	want := download.Request{URL: server.URL + "/a.txt", SHA256: sumOf("wanted")}
	_, err := get(folder, want)
	require.Error(t, err)
	assert.Contains(t, err.Error(), server.URL+"/a.txt: ")
	assert.Contains(t, err.Error(), sumOf("other"))
	assert.Contains(t, err.Error(), sumOf("wanted"))
	left, _ := filepath.Glob(filepath.Join(folder.Path, "files", "*", "*"))
	assert.Empty(t, left, "nothing of it is kept")
}

func TestGet_offlineUsesTheCopy(t *testing.T) {
	down := atomic.Bool{}
	server, folder := served(t, func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		fmt.Fprint(w, "text")
	})
	want := download.Request{URL: server.URL + "/a.txt"}
	first, err := get(folder, want)
	require.NoError(t, err)
	down.Store(true)
	second, err := get(folder, want)
	require.NoError(t, err)
	assert.Contains(t, second.Warning, "the server answers 502 Bad Gateway): the copy of ")
	server.Close()
	third, err := get(folder, want)
	require.NoError(t, err)
	assert.Equal(t, first.Path, third.Path)
	assert.Contains(t, third.Warning, "could not be asked for again")
	_, err = get(folder, download.Request{URL: server.URL + "/b.txt"})
	assert.ErrorContains(t, err, "connection refused", "of a file that was never there, there is no copy")
}

func TestGet_refusesWhatIsNotTheFile(t *testing.T) {
	server, folder := served(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/page.txt":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<html>")
		case "/closed.txt":
			w.WriteHeader(http.StatusForbidden)
		case "/plain.txt":
			http.Redirect(w, r, "http://example.com/a.txt", http.StatusFound)
		case "/round.txt":
			http.Redirect(w, r, "/round.txt", http.StatusFound)
		case "/large.txt":
			fmt.Fprint(w, strings.Repeat("x", 100))
			w.(http.Flusher).Flush()
		case "/silent.txt":
			fmt.Fprint(w, "x")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			http.NotFound(w, r)
		}
	})
	folder.Largest = 50
	folder.Silence = 50 * time.Millisecond
	for path, says := range map[string]string{
		"/page.txt": "it is a web page, not a file", "/closed.txt": "403 Forbidden: it is not open", "/plain.txt": "it leads from https to http://example.com/a.txt",
		"/round.txt": "it leads on more than 10 times", "/large.txt": "it is larger than 50 bytes", "/silent.txt": "no byte came for 50ms, after 1 bytes", "/gone.txt": "404 Not Found",
	} {
		_, err := get(folder, download.Request{URL: server.URL + path})
		if assert.Error(t, err, path) {
			assert.Contains(t, err.Error(), says, path)
		}
	}
	left := 0
	require.NoError(t, filepath.WalkDir(folder.Path, func(_ string, entry os.DirEntry, err error) error {
		if !entry.IsDir() {
			left++
		}
		return err
	}))
	assert.Zero(t, left, "nothing of them is kept")
}

// endsWell is a server whose answer ends as if it were whole when the client goes.
type endsWell struct{}

func (endsWell) RoundTrip(r *http.Request) (*http.Response, error) {
	body := io.MultiReader(strings.NewReader("half"), untilGone{r.Context()})
	return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Body: io.NopCloser(body), Request: r}, nil
}

// untilGone ends when its client has gone.
type untilGone struct{ context.Context }

func (u untilGone) Read([]byte) (int, error) {
	<-u.Done()
	return 0, io.EOF
}

func TestGet_refusesWhatEndsWellAfterItWasGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trust := &http.Transport{}
		trust.RegisterProtocol("https", endsWell{})
		folder := &download.Folder{Path: t.TempDir(), Trust: trust}
		_, err := get(folder, download.Request{URL: "https://example.com/half.txt"})
		assert.ErrorContains(t, err, "no byte came for 1m0s, after 4 bytes")
	})
}

func TestGet_refusesAddresses(t *testing.T) {
	folder := &download.Folder{Path: t.TempDir()}
	for address, says := range map[string]string{
		"ftp://example.com/a.txt":                `begins with "ftp"`,
		"https:///a.txt":                         "names no host",
		"https://me:topsecret@example.com/a.txt": "holds a user or a password",
	} {
		_, err := get(folder, download.Request{URL: address})
		assert.ErrorContains(t, err, says)
		assert.NotContains(t, err.Error(), "topsecret")
	}
	_, err := get(folder, download.Request{URL: "https://example.com/a.txt", SHA256: "abc"})
	assert.ErrorContains(t, err, "sha256=abc is no SHA-256")
	_, err = get(folder, download.Request{URL: "http://example.com/a.txt", Token: "hf_secret"})
	assert.ErrorContains(t, err, "a token is not sent over http://")
}

func TestGet_sendsTheTokenToItsHostOnly(t *testing.T) {
	var elsewhere string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere = r.Header.Get("Authorization")
		fmt.Fprint(w, "text")
	}))
	t.Cleanup(other.Close)
	var here string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		here = r.Header.Get("Authorization")
		http.Redirect(w, r, strings.Replace(other.URL, "127.0.0.1", "localhost", 1), http.StatusFound)
	}))
	t.Cleanup(server.Close)
	var said bytes.Buffer
	folder := &download.Folder{Path: t.TempDir(), Say: func(line string) { said.WriteString(line) }}
	_, err := get(folder, download.Request{URL: server.URL + "/a.txt", Token: "hf_abc", Fixed: true, Into: "hub/x/a.txt"})
	require.NoError(t, err)
	assert.Equal(t, "Bearer hf_abc", here)
	assert.Empty(t, elsewhere)
	assert.NotContains(t, said.String(), "hf_abc")
	assert.FileExists(t, filepath.Join(folder.Path, "hub", "x", "a.txt"))
	server.Close()
	got, err := get(folder, download.Request{URL: server.URL + "/a.txt", Fixed: true, Into: "hub/x/a.txt"})
	require.NoError(t, err)
	assert.Empty(t, got.Warning, "its address names its content")
}
