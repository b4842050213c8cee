package openai_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
)

func TestPreflight_namesARedirectAndDoesNotFollow(t *testing.T) {
	const path = "/v1/completions"
	for name, c := range map[string]struct {
		status   int
		to, says string
	}{
		"a slash":         {307, path + "/", "/v1/completions/ (307): let the server, or the proxy before it, answer /v1/completions itself"},
		"a slash, 308":    {308, path + "/", "/v1/completions/ (308)"},
		"TLS":             {301, "https://HOST" + path, "(301): write https://HOST in the address"},
		"another host":    {302, "http://other:9000" + path, "http://other:9000/v1/completions (302): write http://other:9000 in the address"},
		"a prefix":        {307, "/api" + path, "(307): write http://HOST/api in the address"},
		"a login":         {302, "/login?next=%2Fv1&token=s3cret", "it sends us on to http://HOST/login (302): is the address right, or is a login page in between?"},
		"a secret":        {302, "http://jo:s3cret@other/login", "http://other/login (302)"},
		"no address":      {302, "http://%zz/", "an address that cannot be read"},
		"none at all":     {302, "", "302 Found"},
		"its own message": {303, "/login", "(303)"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked++
				w.Header().Set("Location", strings.ReplaceAll(c.to, "HOST", r.Host))
				w.WriteHeader(c.status)
			})
			host := strings.TrimPrefix(server.URL, "http://")
			for _, carrier := range []http.RoundTripper{nil, &http.Transport{DisableKeepAlives: true}} {
				client := &openai.Client{Endpoint: client.Endpoint{URL: server.URL, Transport: carrier}, Model: "tiny"}
				defer client.Close()
				_, err := follow(client, hello)
				asked, ok := err.(*harness.AskError)
				require.True(t, ok)
				assert.Equal(t, harness.HTTPFailure(c.status), asked.Failure)
				assert.Contains(t, asked.Err.Error(), strings.ReplaceAll(c.says, "HOST", host))
				assert.NotContains(t, err.Error(), "s3cret")
			}
			assert.Equal(t, 2, asked, "nothing is asked twice")
		})
	}
}

// silently serves connections so that a request of the wrong kind ends without a word.
func silently(t *testing.T, serve func(net.Conn)) (host string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); serve(conn) }()
		}
	}()
	return listener.Addr().String()
}

func TestPreflight_asksAServerThatClosesWhatItSpeaks(t *testing.T) {
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	defer certified.Close()
	speaksTLS := func(conn net.Conn) {
		first := bufio.NewReader(conn)
		if kind, err := first.Peek(1); err == nil && kind[0] == 22 {
			secured := tls.Server(peeked{conn, first}, &tls.Config{Certificates: certified.TLS.Certificates})
			secured.Handshake()
		}
	}
	wantsCertificates := func(conn net.Conn) {
		first := bufio.NewReader(conn)
		if kind, err := first.Peek(1); err == nil && kind[0] == 22 {
			conn.Write([]byte{21, 3, 3, 0, 2, 2, 40}) // an alert: handshake failure
		}
	}
	speaksPlainly := func(conn net.Conn) {
		first := bufio.NewReader(conn)
		if kind, err := first.Peek(1); err == nil && kind[0] != 22 {
			io.WriteString(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		}
	}
	neither := func(conn net.Conn) { conn.Read(make([]byte, 10)) }
	atOnce := func(net.Conn) {}
	for name, c := range map[string]struct {
		scheme string
		serve  func(net.Conn)
		says   string
	}{
		"TLS, asked in the clear":              {"http", speaksTLS, "it speaks TLS; write https:// in the address"},
		"TLS that refuses, asked in the clear": {"http", wantsCertificates, "it speaks TLS; write https:// in the address"},
		"no TLS, asked by TLS":                 {"https", speaksPlainly, "it does not speak TLS; write http:// in the address"},
		"neither, in the clear":                {"http", neither, "closes the connection at once, and it does not speak TLS either"},
		"neither, by TLS":                      {"https", neither, "closes the connection at once, and it does not speak HTTP without TLS either"},
		"closes unasked":                       {"http", atOnce, "closes the connection at once"},
	} {
		t.Run(name, func(t *testing.T) {
			client := clientOf(c.scheme + "://" + silently(t, c.serve))
			defer client.Close()
			_, err := client.Preflight(t.Context())
			assert.ErrorContains(t, err, "the server at "+client.URL+" cannot be reached: ")
			assert.ErrorContains(t, err, c.says)
		})
	}
}

// TestPreflight_asksASilentServerWhatItSpeaks has a server that waits for the rest of what it
// takes for the beginning of something else.
func TestPreflight_asksASilentServerWhatItSpeaks(t *testing.T) {
	const handshake = 22
	dialling := func(t *testing.T, serve func(net.Conn, byte)) func(context.Context, string, string) (net.Conn, error) {
		return func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				first := make([]byte, 1)
				if _, err := io.ReadFull(far, first); err == nil {
					go io.Copy(io.Discard, far)
					serve(far, first[0])
				}
			}()
			return near, nil
		}
	}
	for name, c := range map[string]struct {
		scheme, says string
		serve        func(net.Conn, byte)
	}{
		"TLS": {"http", "it speaks TLS; write https:// in the address", func(conn net.Conn, first byte) {
			if first == handshake {
				conn.Write([]byte{21, 3, 3, 0, 2, 2, 40})
				return
			}
			time.Sleep(time.Hour)
		}},
		"no TLS": {"https", "it does not speak TLS; write http:// in the address", func(conn net.Conn, first byte) {
			if first != handshake {
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				return
			}
			time.Sleep(time.Hour)
		}},
		"neither": {"http", "it accepts connections but did not answer within 15s", func(net.Conn, byte) { time.Sleep(time.Hour) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := &openai.Client{Endpoint: client.Endpoint{URL: c.scheme + "://test", Dial: dialling(t, c.serve)}}
				_, err := client.Preflight(t.Context())
				assert.ErrorContains(t, err, c.says)
				client.Close()
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// A peeked connection begins with what was looked at already.
type peeked struct {
	net.Conn
	from io.Reader
}

func (p peeked) Read(b []byte) (int, error) { return p.from.Read(b) }

// TestPreflight_namesAProxyThatRefuses runs itself again, because a process reads the
// environment once.
func TestPreflight_namesAProxyThatRefuses(t *testing.T) {
	if url := os.Getenv("TEST_PROXIED_URL"); url != "" {
		c := clientOf(url)
		_, err := c.Preflight(t.Context())
		fmt.Println("preflight:", err)
		_, err = follow(c, hello)
		fmt.Println("ask:", err)
		return
	}
	answer := func(status, more string) func(net.Conn) {
		return func(conn net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				fmt.Fprintf(conn, "HTTP/1.1 %s\r\n%sContent-Length: 5\r\nConnection: close\r\n\r\nlogin", status, more)
			}
		}
	}
	const challenge = "Proxy-Authenticate: Basic realm=x\r\n"
	for name, c := range map[string]struct {
		url, proxy string
		serve      func(net.Conn)
		says       []string
	}{
		"407 in the clear": {"http://vllm.test:8000", "http://PROXY", answer("407 Proxy Authentication Required", challenge),
			[]string{"preflight: the server at http://vllm.test:8000 cannot be reached: the proxy at http://PROXY, which HTTP_PROXY", "wants user and password (407: login)", "ask: http 407: the proxy at"}},
		"407, with a password": {"http://vllm.test:8000", "http://jo:s3cret@PROXY", answer("407 Proxy Authentication Required", challenge),
			[]string{"the proxy at http://PROXY,", "refuses the user and password that stand there (407: login)"}},
		"407 for a tunnel": {"https://vllm.test:8000", "http://PROXY", answer("407 Proxy Authentication Required", challenge),
			[]string{"preflight: the server at https://vllm.test:8000 cannot be reached: the proxy at", "wants user and password (407: Proxy", "ask: refused: the proxy at"}},
		"403 for a tunnel": {"https://vllm.test:8000", "http://jo:s3cret@PROXY", answer("403 Forbidden", ""),
			[]string{"the proxy at http://PROXY, which", "does not let us through to vllm.test:8000 (403 Forbidden)", "NO_PROXY", "ask: refused: the proxy at"}},
		"502 for a tunnel": {"https://vllm.test:8000", "http://PROXY", answer("502 Bad Gateway", ""),
			[]string{"cannot connect us with vllm.test:8000 (502 Bad Gateway)", "is the server's address right as the proxy sees it?"}},
	} {
		t.Run(name, func(t *testing.T) {
			host := silently(t, c.serve)
			proxy := strings.ReplaceAll(c.proxy, "PROXY", host)
			again := exec.Command(os.Args[0], "-test.run=^TestPreflight_namesAProxyThatRefuses$", "-test.v")
			again.Env = append(os.Environ(), "TEST_PROXIED_URL="+c.url, "HTTP_PROXY="+proxy, "HTTPS_PROXY="+proxy, "NO_PROXY=")
			out, err := again.CombinedOutput()
			require.NoError(t, err, "%s", out)
			t.Logf("%s", strings.Join(strings.Split(string(out), "\n")[1:3], "\n"))
			for _, says := range c.says {
				assert.Contains(t, string(out), strings.ReplaceAll(says, "PROXY,", host+","))
			}
			assert.NotContains(t, string(out), "s3cret")
		})
	}
}

// TestUsage_isAwaitedLongerWhereItIsKnownToCome has a server that is busy after the
// finish reason, and one that is silent then for ever.
func TestUsage_isAwaitedLongerWhereItIsKnownToCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := paced{sText + lined(eFinish), 3 * time.Second, lined(eUsage) + "data: [DONE]\n\n"}
		c := &openai.Client{Endpoint: client.Endpoint{URL: "http://test", Transport: late}}
		ask := func() (took time.Duration, o outcome) {
			began := time.Now()
			o = outcomeOf(c, chat)
			return time.Since(began), o
		}
		took, got := ask()
		assert.Equal(t, time.Second, took)
		assert.Equal(t, noUse, got, "nothing said that more would come")
		require.Len(t, c.Remarks(), 1)
		assert.Empty(t, c.Remarks(), "it is said once")

		c = &openai.Client{Endpoint: client.Endpoint{URL: "http://test", Transport: &inTurn{paced{sWhole, 0, ""}, late, paced{sText + lined(eFinish), time.Hour, ""}}}}
		took, got = ask()
		assert.Equal(t, good, got)
		assert.Less(t, took, time.Second)
		took, got = ask()
		assert.Equal(t, good, got, "it was busy")
		assert.Equal(t, 3*time.Second, took.Truncate(time.Second))
		took, got = ask()
		assert.Equal(t, noUse, got)
		assert.Equal(t, 10*time.Second, took)
		time.Sleep(2 * time.Hour) // the server's side
	})
}

// TestStream_nothingIsAwaitedAfterTheEnd has a server that holds its connections open.
func TestStream_nothingIsAwaitedAfterTheEnd(t *testing.T) {
	for name, s := range map[string]string{"[DONE]": sWhole, "usage": sBody, "[DONE] without a line end": strings.TrimSpace(sWhole)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &openai.Client{Endpoint: client.Endpoint{URL: "http://test", Transport: paced{s, time.Hour, ""}}}
				began := time.Now()
				assert.Equal(t, good, outcomeOf(c, chat))
				assert.LessOrEqual(t, time.Since(began), 10*time.Millisecond)
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// A paced transport answers in two parts, with a pause between.
type paced struct {
	first string
	pause time.Duration
	then  string
}

func (p paced) RoundTrip(*http.Request) (*http.Response, error) {
	r, w := io.Pipe()
	go func() {
		io.WriteString(w, p.first)
		time.Sleep(p.pause)
		io.WriteString(w, p.then)
		w.Close()
	}()
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: r}, nil
}

// inTurn are the answers to one request after the other.
type inTurn []paced

func (all *inTurn) RoundTrip(r *http.Request) (*http.Response, error) {
	next := (*all)[0]
	*all = (*all)[1:]
	return next.RoundTrip(r)
}
