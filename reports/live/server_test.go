package live

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/reports"
)

func listen(t *testing.T, address string) *Server {
	t.Helper()
	s, err := Listen(address)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func running(says string) reports.View {
	return reports.View{Title: says, Outcome: "running", Headline: "Running.", Running: &reports.Progress{}}
}

// ask sends a request with these headers, "Host" among them, and returns the status and what came.
func ask(t *testing.T, method, url string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(body)
}

func TestServer_letsOnlyThisMachineIn(t *testing.T) {
	s := listen(t, "127.0.0.1:0")
	s.Show(running("A run"))
	status, page := ask(t, "GET", s.URL())
	assert.Equal(t, 200, status)
	assert.Contains(t, page, "A run")
	assert.Contains(t, page, "connect-src &#39;self&#39;")
	status, _ = ask(t, "GET", s.URL(), "Host", "rebound.example:7878")
	assert.Equal(t, 403, status, "a name of somebody else's that points here")
	status, _ = ask(t, "GET", s.URL()+"events", "Origin", "http://rebound.example")
	assert.Equal(t, 403, status, "a script of another site")
}

func TestServer_othersNeedTheToken(t *testing.T) {
	s := listen(t, "0.0.0.0:0")
	port := s.listener.Addr().(*net.TCPAddr).Port
	here := fmt.Sprintf("http://127.0.0.1:%d/", port)
	status, _ := ask(t, "GET", here)
	assert.Equal(t, 401, status)
	status, _ = ask(t, "GET", here+"?token=guessed")
	assert.Equal(t, 401, status)
	require.Contains(t, s.URL(), "?token="+s.token)
	status, _ = ask(t, "GET", here+"?token="+s.token)
	assert.Equal(t, 200, status)
	status, _ = ask(t, "GET", here, "Cookie", "vllmspec="+s.token)
	assert.Equal(t, 200, status)
}

// TestServer_letsNamesOfProxiesInWithTheToken asks as proxies do: under their names, over HTTPS to them.
func TestServer_letsNamesOfProxiesInWithTheToken(t *testing.T) {
	s := listen(t, "0.0.0.0:0")
	s.Begin(func() {})
	here := fmt.Sprintf("http://127.0.0.1:%s/", s.port())
	for _, name := range []string{"localhost:9000", "machine.corp.example.com:17879", "vllmspec.bench.svc.cluster.local", "name-17879.app.github.dev", "[2001:db8::1]:80"} {
		status, _ := ask(t, "GET", here+"?token="+s.token, "Host", name)
		assert.Equal(t, 200, status, name)
		status, says := ask(t, "GET", here, "Host", name)
		assert.Equal(t, 401, status, name)
		assert.Contains(t, says, "ssh -L "+s.port()+":127.0.0.1:"+s.port())
		for _, origin := range []string{"http://" + name, "https://" + name} {
			status, _ = ask(t, "POST", here+"stop", "Host", name, "Origin", origin, "X-Vllmspec-Token", s.token, "Cookie", "vllmspec="+s.token)
			assert.Equal(t, 202, status, origin)
		}
		for _, origin := range []string{"https://evil.example", "null", "file://" + name, "https://" + name + ".evil.example"} {
			status, _ = ask(t, "POST", here+"stop", "Host", name, "Origin", origin, "X-Vllmspec-Token", s.token, "Cookie", "vllmspec="+s.token)
			assert.Equal(t, 403, status, origin)
		}
	}
	forwarded := []string{"Host", "10.0.0.7:7878", "X-Forwarded-Host", "bench.example", "Origin", "https://bench.example:443", "X-Vllmspec-Token", s.token, "Cookie", "vllmspec=" + s.token}
	status, _ := ask(t, "POST", here+"stop", forwarded...)
	assert.Equal(t, 202, status, "a proxy that asks under another name, and says so")
}

func TestServer_withoutATokenBelievesNoProxy(t *testing.T) {
	s := listen(t, "127.0.0.1:0")
	s.Begin(func() {})
	status, says := ask(t, "GET", s.URL(), "Host", "rebound.example:7878")
	assert.Equal(t, 403, status)
	assert.Contains(t, says, "ssh -L "+s.port()+":127.0.0.1:"+s.port())
	assert.Contains(t, says, "VLLMSPEC_DASHBOARD=0.0.0.0:"+s.port())
	status, _ = ask(t, "POST", s.URL()+"stop", "Origin", "http://evil.example", "X-Forwarded-Host", "evil.example", "X-Vllmspec-Token", s.token)
	assert.Equal(t, 403, status)
	status, _ = ask(t, "POST", s.URL()+"stop", "Host", "localhost:7878", "Origin", "https://localhost:7878", "X-Vllmspec-Token", s.token)
	assert.Equal(t, 202, status, "over a tunnel, or a proxy of this machine's")
}

// TestServer_worksBelowAPath has a proxy that serves it below one, as Jupyter and code-server do.
func TestServer_worksBelowAPath(t *testing.T) {
	s := listen(t, "0.0.0.0:0")
	s.Show(running("A run"))
	target, err := url.Parse(fmt.Sprintf("http://127.0.0.1:%s", s.port()))
	require.NoError(t, err)
	proxy := httptest.NewServer(http.StripPrefix("/user/me/proxy/7878", httputil.NewSingleHostReverseProxy(target)))
	t.Cleanup(proxy.Close)
	base := proxy.URL + "/user/me/proxy/7878/"
	answer, err := http.Get(base + "?token=" + s.token)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	answer.Body.Close()
	require.Equal(t, 200, answer.StatusCode)
	assert.Empty(t, answer.Cookies()[0].Path, "the browser takes the path that it sees")
	events := regexp.MustCompile(`data-events="([^"]*)"`).FindStringSubmatch(string(body))[1]
	page, err := url.Parse(base)
	require.NoError(t, err)
	stream, err := page.Parse(events)
	require.NoError(t, err)
	request, err := http.NewRequest("GET", stream.String(), nil)
	require.NoError(t, err)
	request.AddCookie(answer.Cookies()[0])
	answer, err = http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	assert.Equal(t, 200, answer.StatusCode)
	assert.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	assert.Equal(t, "no", answer.Header.Get("X-Accel-Buffering"))
}

func TestServer_onlyThePageStopsTheRun(t *testing.T) {
	s := listen(t, "127.0.0.1:0")
	stopped := 0
	stop, origin := s.URL()+"stop", strings.TrimSuffix(s.URL(), "/")
	status, _ := ask(t, "POST", stop, "Origin", origin, "X-Vllmspec-Token", s.token)
	assert.Equal(t, 409, status, "no run is on")
	s.Begin(func() { stopped++ })
	for _, headers := range [][]string{{}, {"Origin", origin}, {"X-Vllmspec-Token", s.token}, {"Origin", "http://evil.example", "X-Vllmspec-Token", s.token}} {
		status, _ = ask(t, "POST", stop, headers...)
		assert.Equal(t, 403, status, "%v", headers)
	}
	status, _ = ask(t, "GET", stop)
	assert.Equal(t, 405, status)
	assert.Zero(t, stopped)
	status, _ = ask(t, "POST", stop, "Origin", origin, "X-Vllmspec-Token", s.token)
	assert.Equal(t, 202, status)
	assert.Equal(t, 1, stopped)
}

// follow reads the frames of a server until one holds a text.
func follow(t *testing.T, s *Server, until string) {
	t.Helper()
	answer, err := http.Get(s.URL() + "events")
	require.NoError(t, err)
	defer answer.Body.Close()
	lines := bufio.NewReader(answer.Body)
	for {
		line, err := lines.ReadString('\n')
		require.NoError(t, err, "before %q came", until)
		if strings.Contains(line, until) {
			return
		}
	}
}

func TestServer_lateViewerSeesTheLatestFrame(t *testing.T) {
	s := listen(t, "127.0.0.1:0")
	s.Show(running("An earlier one"))
	s.Show(running("The latest"))
	follow(t, s, "The latest")
}

// TestServer_viewerAfterALongTimeWaitsForANewView opens the page of a run that no viewer had
// opened before.
func TestServer_viewerAfterALongTimeWaitsForANewView(t *testing.T) {
	s := listen(t, "127.0.0.1:0")
	s.Begin(func() {})
	s.Show(running("As it began"))
	s.shown = time.Now().Add(-time.Hour)
	assert.Equal(t, Nothing, s.Wants(reports.Progress{}))
	came := make(chan string, 1)
	go func() {
		_, page := ask(t, "GET", s.URL())
		came <- page
	}()
	require.Eventually(t, func() bool { return s.Wants(reports.Progress{}) == Page }, 5*time.Second, time.Millisecond)
	s.Show(running("As it is"))
	assert.Contains(t, <-came, "As it is")
}

// TestServer_slowViewerHoldsNothingUp has a viewer who never reads, beside one who does.
func TestServer_slowViewerHoldsNothingUp(t *testing.T) {
	s := listen(t, "127.0.0.1:0")
	s.Show(running("The first"))
	idle, err := net.Dial("tcp", s.listener.Addr().String())
	require.NoError(t, err)
	defer idle.Close()
	fmt.Fprintf(idle, "GET /events HTTP/1.1\r\nHost: %s\r\n\r\n", s.listener.Addr())
	require.Eventually(t, func() bool { return s.Wants(reports.Progress{}) == Page }, 5*time.Second, 10*time.Millisecond)
	big := running("More")
	big.Headline = strings.Repeat("x", 1<<20)
	for range 200 { // far more than any buffer of the network takes
		s.Show(big)
	}
	s.Show(running("The last"))
	follow(t, s, "The last")
}

func TestServer_hasReportsOfRunsThatHaveEnded(t *testing.T) {
	s := listen(t, "127.0.0.1:0")
	file := filepath.Join(t.TempDir(), "report.html")
	require.NoError(t, os.WriteFile(file, []byte("What it was"), 0o644))
	s.Begin(func() {})
	s.End(reports.Entry{Scenario: "A run", Outcome: "met"}, file)
	_, page := ask(t, "GET", s.URL())
	assert.Contains(t, page, `href="runs/1/report.html"`)
	assert.NotContains(t, page, `data-stop="./stop"`)
	_, report := ask(t, "GET", s.URL()+"runs/1/report.html")
	assert.Equal(t, "What it was", report)
	status, _ := ask(t, "GET", s.URL()+"runs/../../etc/report.html")
	assert.Equal(t, 404, status)
}

func TestAddress_isChecked(t *testing.T) {
	_, err := Listen("7878")
	assert.ErrorContains(t, err, "write host:port")
	s := listen(t, "127.0.0.1:0")
	_, err = Listen(s.listener.Addr().String())
	assert.ErrorContains(t, err, "in use")
}
