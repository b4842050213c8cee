package openai_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// whole is a server that lists one model and answers.
func whole(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/models" {
		io.WriteString(w, `{"data":[{"id":"tiny","max_model_len":4096}]}`)
		return
	}
	stream(red, fox, done)(w, r)
}

func TestHeaders_goWithEveryRequest(t *testing.T) {
	told := make(chan string, 16)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		told <- r.URL.Path + " " + r.Header.Get("X-Team") + " " + r.Header.Get("Authorization")
		whole(w, r)
	})
	c.Headers, c.Token = []credentials.Header{{Name: "X-Team", Value: "search"}}, credentials.Fixed("key")
	_, err := c.Preflight(t.Context())
	require.NoError(t, err)
	require.Len(t, told, 7)
	for _, path := range []string{"/v1/models", "/info", "/v1/version", "/api/tags", "/version", "/server_info", "/v1/completions"} {
		assert.Equal(t, path+" search Bearer key", <-told)
	}
}

func TestCredentials_goToTheServerOnly(t *testing.T) {
	told := make(chan http.Header, 1)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- r.Header }))
	defer elsewhere.Close()
	c := serve(t, http.RedirectHandler(elsewhere.URL, http.StatusFound).ServeHTTP)
	c.Headers, c.Token = []credentials.Header{{Name: "X-Team", Value: "search"}}, credentials.Fixed("key")
	_, err := c.Preflight(t.Context())
	require.Error(t, err)
	require.Len(t, told, 1, "it followed the redirect")
	header := <-told
	assert.Empty(t, header.Get("X-Team"))
	assert.Empty(t, header.Get("Authorization"))
}

func TestFleet_asksReplicasInTurn(t *testing.T) {
	one, two := serve(t, whole), serve(t, whole)
	two.URL = "http://user:s3cret@" + two.URL[len("http://"):]
	f := openai.NewFleet(one, two)
	about, err := f.Preflight(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 4096, about.MaxModelLen)
	asked := map[string]int{}
	for range 10 {
		for chunk, err := range f.Ask(context.Background(), hello) {
			require.NoError(t, err)
			if chunk.Headers {
				asked[chunk.Replica]++
			}
		}
	}
	require.Len(t, asked, 2)
	for name, n := range asked {
		assert.Equal(t, 5, n)
		assert.NotContains(t, name, "s3cret")
	}
	f.Replicas[1] = clientOf("http://127.0.0.1:1")
	for range 2 {
		for _, err = range f.Ask(context.Background(), hello) {
			if asked, ok := err.(*harness.AskError); ok {
				assert.Equal(t, "http://127.0.0.1:1", asked.Replica, "a failure is somebody's too")
				return
			}
		}
	}
	t.Error("nobody asked the one that is not there")
}

func TestClient_overIPv6(t *testing.T) {
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("there is no IPv6 here; to run this test: sysctl net.ipv6.conf.lo.disable_ipv6=0")
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(whole))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	defer server.Close()
	c := clientOf(server.URL)
	defer c.Close()
	_, err = c.Preflight(t.Context())
	assert.NoError(t, err)
}

// TestClient_usesTheProxyOfTheEnvironment runs itself again, because a process reads
// these variables once.
func TestClient_usesTheProxyOfTheEnvironment(t *testing.T) {
	if os.Getenv("HTTP_PROXY") != "" {
		c := clientOf("http://vllm.test:8000")
		_, err := c.Preflight(t.Context())
		require.NoError(t, err)
		chunks, err := follow(c, hello)
		require.NoError(t, err)
		assert.Len(t, chunks, 3)
		return
	}
	backend := httptest.NewServer(http.HandlerFunc(whole))
	defer backend.Close()
	to, err := url.Parse(backend.URL)
	require.NoError(t, err)
	through := make(chan string, 16)
	onward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		through <- r.In.RequestURI
		r.SetURL(to)
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Else net/http breaks off answers that come before it has looked for the end of the request.
		if err := http.NewResponseController(w).EnableFullDuplex(); err == nil {
			onward.ServeHTTP(w, r)
		}
	}))
	defer proxy.Close()
	again := exec.Command(os.Args[0], "-test.run=^TestClient_usesTheProxyOfTheEnvironment$")
	again.Env = append(os.Environ(), "HTTP_PROXY="+proxy.URL, "NO_PROXY=")
	out, err := again.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Len(t, through, 8, "models, what it is (three questions), version, what it was started with, a first answer, ours")
	assert.Equal(t, "http://vllm.test:8000/v1/models", <-through)
}

func TestCredentials_goOverHTTP2Too(t *testing.T) {
	told := make(chan string, 16)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told <- r.Proto + " " + r.Header.Get("X-Team") + " " + r.Header.Get("Authorization")
		whole(w, r)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	c := clientOf(server.URL)
	c.HTTP2, c.TLS = true, &tls.Config{RootCAs: x509.NewCertPool()}
	c.TLS.RootCAs.AddCert(server.Certificate())
	c.Headers, c.Token = []credentials.Header{{Name: "X-Team", Value: "search"}}, credentials.Fixed("key")
	defer c.Close()
	_, err := c.Preflight(t.Context())
	require.NoError(t, err)
	chunks, err := follow(c, hello)
	require.NoError(t, err)
	assert.Len(t, chunks, 3)
	require.Len(t, told, 8, "models, what it is (three questions), version, what it was started with, a first answer, ours")
	for range 5 {
		assert.Equal(t, "HTTP/2.0 search Bearer key", <-told)
	}
}
