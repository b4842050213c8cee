package client_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/http1"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/internal/stamp"
)

const short = "data: {\"choices\":[{\"text\":\"a\",\"finish_reason\":\"stop\"}]}\n\n"

func answerShort(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	io.WriteString(w, short)
}

// hear asks once and returns the head of the answer and its only piece of content.
func hear(t *testing.T, c *openai.Client) (headers, content harness.Chunk) {
	t.Helper()
	for chunk, err := range c.Ask(t.Context(), harness.Prompt{Text: "a"}) {
		require.NoError(t, err)
		if chunk.Headers {
			headers = chunk
		}
		if chunk.Content() {
			content = chunk
		}
	}
	require.Equal(t, "a", content.Text)
	return headers, content
}

func TestNoTime_isTheSameInPackagesBelow(t *testing.T) {
	assert.Equal(t, harness.NoTime, http1.NoTime)
	assert.Equal(t, harness.NoTime, stamp.Unknown)
}

// authority is a private one, with a certificate that it gave.
func authority(t *testing.T) (pool *x509.CertPool, given tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	require.NoError(t, err)
	ca, err = x509.ParseCertificate(raw)
	require.NoError(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(ca)
	one := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "one"}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	raw, err = x509.CreateCertificate(rand.Reader, one, ca, &key.PublicKey, key)
	require.NoError(t, err)
	return pool, tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

func TestTransport_privateAuthorityAndClientCertificate(t *testing.T) {
	roots, certificate := authority(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(answerShort))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert}
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	defer server.Close()
	c := &openai.Client{Endpoint: client.Endpoint{URL: server.URL, TLS: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}}}}
	defer c.Close()
	for i := range 3 {
		headers, content := hear(t, c)
		assert.Equal(t, i == 0, headers.Connecting > 0, "a connection is made once")
		assert.Equal(t, i == 0, headers.Securing > 0)
		assert.Less(t, headers.Securing, max(headers.Connecting, 1))
		assert.Equal(t, harness.NoTime, headers.Resolving, "there is no name to look up")
		assert.Equal(t, runtime.GOOS == "linux", content.Waited >= 0, "the kernel's stamps lie below TLS")
	}
	for name, trust := range map[string]*tls.Config{"no certificate of ours": {RootCAs: roots}, "no trust": nil} {
		t.Run(name, func(t *testing.T) {
			c := &openai.Client{Endpoint: client.Endpoint{URL: server.URL, TLS: trust}}
			defer c.Close()
			for _, err := range c.Ask(t.Context(), harness.Prompt{Text: "a"}) {
				require.ErrorContains(t, err, "certificate")
			}
		})
	}
}

func TestTransport_looksNamesUpBeforehand(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(answerShort))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	c := &openai.Client{Endpoint: client.Endpoint{URL: "http://localhost:" + port}}
	defer c.Close()
	headers, _ := hear(t, c)
	assert.Positive(t, headers.Resolving)
	assert.Greater(t, headers.Connecting, headers.Resolving)
	assert.Equal(t, harness.NoTime, headers.Securing)

	warm := &openai.Client{Endpoint: client.Endpoint{URL: "http://localhost:" + port}}
	defer warm.Close()
	require.NoError(t, warm.Warm(t.Context(), 3))
	headers, _ = hear(t, warm)
	assert.Equal(t, [3]time.Duration{harness.NoTime, harness.NoTime, harness.NoTime}, [3]time.Duration{headers.Connecting, headers.Resolving, headers.Securing})
}

func TestTransport_HTTP2WhereAskedForOrNothingElseIsSpoken(t *testing.T) {
	var protocol atomic.Value
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocol.Store(r.Proto)
		answerShort(w, r)
	})
	start := func(config *tls.Config) *httptest.Server {
		server := httptest.NewUnstartedServer(handler)
		server.EnableHTTP2, server.TLS = true, config
		server.Config.ErrorLog = quiet()
		server.StartTLS()
		t.Cleanup(server.Close)
		return server
	}
	both := start(nil)
	trust := both.Client().Transport.(*http.Transport).TLSClientConfig
	only2 := start(&tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		config := both.TLS.Clone()
		config.NextProtos = []string{"h2"}
		if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == "http/1.1" {
			config.NextProtos = []string{"something else"} // Go's would give in
		}
		return config, nil
	}})
	for name, test := range map[string]struct {
		client *openai.Client
		want   string
	}{
		"not asked for":       {&openai.Client{Endpoint: client.Endpoint{URL: both.URL, TLS: trust}}, "HTTP/1.1"},
		"asked for":           {&openai.Client{Endpoint: client.Endpoint{URL: both.URL, TLS: trust, HTTP2: true}}, "HTTP/2.0"},
		"nothing else spoken": {&openai.Client{Endpoint: client.Endpoint{URL: only2.URL, TLS: trust}}, "HTTP/2.0"},
	} {
		t.Run(name, func(t *testing.T) {
			defer test.client.Close()
			require.NoError(t, test.client.Warm(t.Context(), 2))
			for range 2 {
				headers, content := hear(t, test.client)
				assert.Equal(t, test.want, protocol.Load())
				assert.False(t, headers.Sent.IsZero())
				assert.False(t, content.At.Before(headers.Sent))
				assert.Equal(t, test.want == "HTTP/2.0", content.Waited == harness.NoTime, "on a connection that several share the kernel's stamp may be another's")
			}
			response, err := test.client.HTTP().Get(test.client.URL)
			require.NoError(t, err)
			response.Body.Close()
		})
	}
}

func TestTransport_usesTheProxyOfTheEnvironment(t *testing.T) {
	if os.Getenv("TEST_BEHIND_PROXY") == "" { // the environment is read once per process
		server := httptest.NewServer(http.HandlerFunc(answerShort)) // it takes a proxy's requests for its own
		defer server.Close()
		t.Setenv("TEST_BEHIND_PROXY", "1")
		t.Setenv("HTTP_PROXY", server.URL)
		t.Setenv("NO_PROXY", "")
		rerun(t)
		return
	}
	c := &openai.Client{Endpoint: client.Endpoint{URL: "http://server.invalid"}}
	defer c.Close()
	hear(t, c)
}

func TestTransport_wantOfSocketsIsNotTheServersFailure(t *testing.T) {
	dialling := func(err error) *openai.Client {
		return &openai.Client{Endpoint: client.Endpoint{URL: "http://test", Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: err}
		}}}
	}
	for says, cause := range map[string]error{
		"ulimit -n":           os.NewSyscallError("socket", syscall.EMFILE),
		"raise its limit":     &net.DNSError{Err: "dial udp: socket: " + syscall.EMFILE.Error(), Name: "host"},
		"fs.file-max":         os.NewSyscallError("socket", syscall.ENFILE),
		"ip_local_port_range": os.NewSyscallError("connect", syscall.EADDRNOTAVAIL),
		"tcp_mem":             os.NewSyscallError("connect", syscall.ENOBUFS),
	} {
		c := dialling(cause)
		for _, err := range c.Ask(t.Context(), harness.Prompt{Text: "a"}) {
			asked, ok := errors.AsType[*harness.AskError](err)
			require.True(t, ok)
			assert.Equal(t, harness.OutOfSockets, asked.Failure)
			assert.ErrorContains(t, err, says)
		}
		require.ErrorContains(t, c.Warm(t.Context(), 2), says)
		c.Close()
	}
	refused := dialling(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	for _, err := range refused.Ask(t.Context(), harness.Prompt{Text: "a"}) {
		asked, ok := errors.AsType[*harness.AskError](err)
		require.True(t, ok)
		assert.Equal(t, harness.Refused, asked.Failure)
	}
}

func TestTransport_doesNotTryWhatCannotBeSent(t *testing.T) {
	for says, c := range map[string]*openai.Client{
		"URL cannot be used": {Endpoint: client.Endpoint{URL: "ftp://x"}},
		"line break":         {Endpoint: client.Endpoint{URL: "http://127.0.0.1:1", Token: credentials.Fixed("s3cret\r\nX-Evil: 1")}},
	} {
		for _, err := range c.Ask(t.Context(), harness.Prompt{Text: "a"}) {
			require.ErrorContains(t, err, says)
			assert.NotContains(t, err.Error(), "s3cret")
		}
		require.ErrorContains(t, c.Warm(t.Context(), 1), says)
		_, err := c.Preflight(t.Context())
		require.ErrorContains(t, err, says)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}

// TestTransport_leavesNothingBehind has a bubble, which ends only when all that began in it
// has ended.
func TestTransport_leavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conns := make(chan net.Conn)
		dial := func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			conns <- far
			return near, nil
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answerShort(w, r)
			http.NewResponseController(w).Flush()
			time.Sleep(time.Second)
		})}
		go server.Serve(listener(conns))
		c := &openai.Client{Endpoint: client.Endpoint{URL: "http://test", Dial: dial}}
		require.NoError(t, c.Warm(t.Context(), 5))
		began := time.Now()
		_, content := hear(t, c)
		assert.Zero(t, content.At.Sub(began))
		assert.Equal(t, time.Second, time.Since(began), "to the end of the answer")
		for chunk := range c.Ask(t.Context(), harness.Prompt{Text: "a"}) {
			if chunk.Content() {
				break // left in the middle
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		for _, err := range c.Ask(ctx, harness.Prompt{Text: "a"}) {
			if err != nil {
				assert.ErrorContains(t, err, "timeout")
			}
		}
		c.Close()
		close(conns)
		server.Close()
		time.Sleep(time.Minute)
	})
}

// A listener hands out what is dialled.
type listener chan net.Conn

func (l listener) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (l listener) Close() error   { return nil }
func (l listener) Addr() net.Addr { return &net.TCPAddr{} }

// BenchmarkEngines is what a whole answer costs over TCP, the server's writing of
// it in one piece included: by our own engine, and by net/http.
func BenchmarkEngines(b *testing.B) {
	const tokens = 200
	event := "data: {\"id\":\"cmpl-0123456789abcdef\",\"object\":\"text_completion\",\"created\":1795450000,\"model\":\"tiny\",\"choices\":[{\"index\":0,\"text\":\" red\",\"logprobs\":null,\"finish_reason\":null,\"stop_reason\":null,\"prompt_token_ids\":null,\"token_ids\":null}]}\n\n"
	for _, n := range []int{1, tokens} {
		var said []byte
		for range n - 1 {
			said = fmt.Appendf(said, "%x\r\n%s\r\n", len(event), event)
		}
		said = fmt.Appendf([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"), "%s%x\r\n%s\r\n0\r\n\r\n", said, len(short), short)
		server := flood(b, said)
		for name, c := range map[string]*openai.Client{"own": {Endpoint: client.Endpoint{URL: server}}, "net-http": {Endpoint: client.Endpoint{URL: server, Transport: new(client.Endpoint).NetTransport()}}} {
			b.Run(fmt.Sprintf("%s/tokens=%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					got := 0
					for chunk, err := range c.Ask(b.Context(), harness.Prompt{Text: "Hello", MaxTokens: n}) {
						if err != nil {
							b.Fatal(err)
						}
						if chunk.Content() {
							got++
						}
					}
					if got != n {
						b.Fatal(got, "tokens came")
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/token")
			})
			c.Close()
		}
	}
}

// flood is a server that answers every request with the same words, in one write.
func flood(b *testing.B, said []byte) (url string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				request := make([]byte, 64<<10) // each is shorter, and comes in one piece
				for {
					if _, err := conn.Read(request); err != nil {
						return
					}
					if _, err := conn.Write(said); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// rerun runs this very test in a process of its own.
func rerun(t *testing.T) {
	t.Helper()
	out, err := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.count=1").CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "PASS")
}
