package suite_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// seconds is a short load, on whatever server the environment names.
const seconds = `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 64 tokens are answered in 8 tokens
    And requests arrive evenly at 30 per second
    When the load runs for 1 second
    Then these objectives are met:
      | p50 TTFT   | at most 500 ms |
      | error rate | none           |
`

// programs is the folder of the mock as a program of one word, which is built once.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "vllmspec-suite-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "vllmspec")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/vllmspec").CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w: %s", err, out)
	}
	return dir, os.WriteFile(filepath.Join(dir, "mockvllm"), []byte("#!/bin/sh\nexec "+binary+" mock \"$@\"\n"), 0o755)
})

func mockProgram(t *testing.T) string {
	t.Helper()
	dir, err := programs()
	built.Store(&dir)
	require.NoError(t, err)
	return filepath.Join(dir, "mockvllm")
}

var built atomic.Pointer[string] // the folder of programs, to be removed

// atOnce is how many loads in real time run beside each other: light ones, that wait for a server most of the time.
const atOnce = 4

func TestMain(m *testing.M) {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) && runtime.GOMAXPROCS(0) < atOnce {
		parallel.Value.Set(strconv.Itoa(atOnce))
	}
	code := m.Run()
	if dir := built.Load(); dir != nil {
		os.RemoveAll(*dir)
	}
	os.Exit(code)
}

// imageHere skips a test where there is no container engine, or not the image.
func imageHere(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("docker", "image", "inspect", "vllmspec/mockvllm").CombinedOutput(); err != nil {
		t.Skipf("the mock's image cannot be used (%s); to run this test: install Docker (apt install docker.io), then make image", bytes.TrimSpace(out))
	}
}

func TestServer_onlyTheEnvironmentDiffers(t *testing.T) {
	t.Parallel()
	program := mockProgram(t)
	for name, c := range map[string]struct {
		kind      string
		variables []string
		logged    bool
	}{
		"in virtual time": {"the mock, in virtual time", nil, false},
		"in real time":    {"the mock, over TCP", []string{"VLLMSPEC_TARGET=mock"}, false},
		"as a command":    {"the command " + program, []string{"VLLM_COMMAND=" + program + " serve llama-3.1-8b", "VLLM_ARGS=--max-model-len 4096", "VLLM_API_KEY=planted-key"}, true},
		"in a container":  {"the container vllmspec/mockvllm", []string{"VLLM_IMAGE=vllmspec/mockvllm", "VLLM_ARGS=--max-model-len 4096", "VLLM_API_KEY=planted-key"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "in a container" {
				imageHere(t)
			}
			// Other tests beside this one may make the client late, and the verdict unknown.
			variables := append(c.variables, "VLLMSPEC_UNKNOWN=warn", "HF_HOME="+t.TempDir(), "PATH="+os.Getenv("PATH"))
			r := feature(t, seconds+strings.Replace(strings.TrimPrefix(seconds, "Feature: X\n"), "Scenario: One", "Scenario: Two", 1), variables...)
			require.True(t, r.passed, r.output)
			require.Len(t, r.runs, 2)
			for _, run := range r.runs {
				stored, err := store.Open(run)
				require.NoError(t, err)
				assert.Equal(t, c.kind, stored.Manifest.Server.Kind)
				assert.Equal(t, 30, stored.Manifest.Requests)
				if c.logged {
					assert.Equal(t, 4096, stored.Manifest.Server.MaxModelLen)
					assert.FileExists(t, filepath.Join(run, "server.log"))
				}
			}
			if c.logged {
				assert.Equal(t, 1, strings.Count(r.output, "is ready after"), "one server serves both")
				logs, err := filepath.Glob(filepath.Join(r.out, "run=*-one", "server.log"))
				require.NoError(t, err)
				require.Len(t, logs, 1)
				raw, err := os.ReadFile(logs[0])
				require.NoError(t, err)
				assert.Contains(t, string(raw), "mockvllm: llama-3.1-8b")
			}
		})
	}
}

func TestServer_thatEndsEndsTheScenario(t *testing.T) {
	started := filepath.Join(t.TempDir(), "started")
	line := `VLLM_COMMAND=/bin/sh -c '"$0" "$@" & m=$!; echo $m "$@" >` + started + `.new; mv ` + started + `.new ` + started + `; wait $m; echo its last words; exit 7' ` + mockProgram(t)
	go killsOnceItAnswers(t, started, 10)
	r := feature(t, strings.Replace(seconds, "1 second", "3 seconds", 1), line, "VLLMSPEC_UNKNOWN=warn", "PATH="+os.Getenv("PATH"))
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "has ended (exit status 7); its last lines")
	assert.Contains(t, r.output, "its last words")
	require.Len(t, r.runs, 1, "what happened is stored all the same")
	manifest, _, err := store.ReadManifest(r.runs[0])
	require.NoError(t, err)
	assert.Equal(t, 90, manifest.Requests)
	assert.Contains(t, manifest.Failure, "has ended")
}

// killsOnceItAnswers kills the server whose process and arguments stand in a file, when its load has begun: it has
// ended so many requests.
func killsOnceItAnswers(t *testing.T, file string, requests int) {
	ended := regexp.MustCompile(`(?m)^vllm:request_success_total\{.*finished_reason="length".*\} (\d+)`)
	for t.Context().Err() == nil {
		time.Sleep(10 * time.Millisecond)
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		words := strings.Fields(string(raw))
		response, err := http.Get("http://127.0.0.1:" + words[slices.Index(words, "--port")+1] + "/metrics")
		if err != nil {
			continue
		}
		page, _ := io.ReadAll(response.Body)
		response.Body.Close()
		found := ended.FindSubmatch(page)
		if found == nil {
			continue
		}
		if n, _ := strconv.Atoi(string(found[1])); n >= requests {
			pid, _ := strconv.Atoi(words[0])
			assert.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			return
		}
	}
}

// An authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a private authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	a := &authority{t: t, cert: cert, key: key}
	a.file = a.write("CERTIFICATE", der)
	return a
}

func (a *authority) write(kind string, der []byte) string {
	path := filepath.Join(a.t.TempDir(), "file.pem")
	require.NoError(a.t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}

// issue is a certificate for a host, good for so long from now, and its files.
func (a *authority) issue(host string, good time.Duration) (pair tls.Certificate, cert, key string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "vllm"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(good),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	require.NoError(a.t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(a.t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, a.write("CERTIFICATE", der), a.write("PRIVATE KEY", raw)
}

// mocked is a mock over TCP.
func mocked(t *testing.T) *url.URL {
	t.Helper()
	s, err := server.Mock(mockvllm.Config{Profile: mockvllm.Profiles()[0]})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	to, err := url.Parse(s.URL)
	require.NoError(t, err)
	return to
}

// onward is a proxy. A server may answer before the proxy has looked for the end of
// the request; net/http would close that then, and break the answer off.
func onward(to *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err == nil {
			proxy.ServeHTTP(w, r)
		}
	})
}

// real is a mock that does not say that it is one.
func real(t *testing.T) string {
	t.Helper()
	proxy := onward(mocked(t))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { proxy.ServeHTTP(silent{w}, r) }))
	t.Cleanup(server.Close)
	return server.URL
}

// silent leaves out what the mock says of itself.
type silent struct{ http.ResponseWriter }

func (w silent) WriteHeader(status int) {
	w.Header().Del(mockvllm.Header)
	w.ResponseWriter.WriteHeader(status)
}

func (w silent) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// behindTLS is the mock behind a proxy that wants certificates of an authority's.
func behindTLS(t *testing.T, pair tls.Certificate, clients *authority) string {
	t.Helper()
	to := mocked(t)
	proxy := httptest.NewUnstartedServer(onward(to))
	proxy.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: x509.NewCertPool(), ClientAuth: tls.RequireAndVerifyClientCert}
	proxy.TLS.ClientCAs.AddCert(clients.cert)
	proxy.Config.ErrorLog = log.New(io.Discard, "", 0)
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// failuresOf is what the requests of a run that failed said.
func failuresOf(t *testing.T, r ran) (all []string) {
	t.Helper()
	for _, dir := range r.runs {
		stored, err := store.Open(dir)
		require.NoError(t, err)
		for record := range stored.Run.Records {
			if !record.OK() {
				all = append(all, fmt.Sprintf("%v: %s: %s (sent %v, headers %v, %d chunks, done %v)", record.Due, record.Failure, record.Error, record.Sent, record.Headers, len(record.Chunks), record.Done))
			}
		}
	}
	return all
}

func TestServer_behindAProxyWithAPrivateAuthority(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	good, cert, key := ours.issue("127.0.0.1", time.Hour)
	old, _, _ := ours.issue("127.0.0.1", -time.Hour)
	another, _, _ := ours.issue("another.test", time.Hour)
	_, strange, strangeKey := theirs.issue("client", time.Hour)
	ca, client := "VLLM_CA_FILE="+ours.file, []string{"VLLM_CERT_FILE=" + cert, "VLLM_KEY_FILE=" + key}
	for name, c := range map[string]struct {
		pair      tls.Certificate
		variables []string
		says      string // "": it works
	}{
		"all is right":              {good, append(client, ca), ""},
		"no authority is named":     {good, client, "comes from an authority that is not trusted here (a private authority); set VLLM_CA_FILE"},
		"another authority":         {good, append(client, "VLLM_CA_FILE="+theirs.file), "set VLLM_CA_FILE to the certificate of that authority"},
		"an expired certificate":    {old, append(client, ca), "its certificate expired on "},
		"another host's":            {another, append(client, ca), "its certificate is for another.test, not for 127.0.0.1"},
		"no certificate of ours":    {good, []string{ca}, "it wants a certificate of ours (certificate required); set VLLM_CERT_FILE and VLLM_KEY_FILE"},
		"a certificate of theirs":   {good, []string{ca, "VLLM_CERT_FILE=" + strange, "VLLM_KEY_FILE=" + strangeKey}, "it does not accept our certificate"},
		"http where https is meant": {good, append(client, ca, "plain"), "write https:// in VLLM_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			at := behindTLS(t, c.pair, ours)
			if c.variables[len(c.variables)-1] == "plain" {
				at = strings.Replace(at, "https://", "http://", 1)
			}
			r := feature(t, seconds, append(c.variables, "VLLM_URL="+at, "VLLMSPEC_UNKNOWN=warn")...)
			if c.says == "" {
				assert.True(t, r.passed, "%s\n%s", r.output, failuresOf(t, r))
				return
			}
			assert.False(t, r.passed)
			assert.Contains(t, r.output, c.says)
			assert.Empty(t, r.runs, "refused before the load")
		})
	}
	r := feature(t, seconds, "VLLM_URL="+strings.Replace(mocked(t).String(), "http://", "https://", 1))
	assert.Contains(t, r.output, "it does not speak TLS; write http:// in VLLM_URL")
}

func TestServer_replicasShareTheLoad(t *testing.T) {
	t.Parallel()
	one, two := mocked(t).String(), mocked(t).String()
	r := feature(t, strings.Replace(seconds, "| error rate", "| max running requests | at most 100 |\n      | error rate", 1), "VLLM_URL="+one+","+two, "VLLMSPEC_UNKNOWN=warn")
	require.True(t, r.passed, r.output)
	stored, err := store.Open(r.runs[0])
	require.NoError(t, err)
	served, watched := map[string]int{}, map[string]int{}
	for record := range stored.Run.Records {
		served[record.Replica]++
	}
	for sample := range stored.Run.Samples {
		if sample.Series == "vllm:num_requests_running" {
			watched[sample.Labels["replica"]]++
		}
	}
	assert.Equal(t, map[string]int{one: 15, two: 15}, served)
	assert.Positive(t, watched[one])
	assert.Equal(t, watched[one], watched[two])
	assert.Equal(t, one+","+two, stored.Manifest.Server.URL)
	bench, err := os.ReadFile(filepath.Join(r.runs[0], "bench.txt"))
	require.NoError(t, err)
	assert.Contains(t, string(bench), "replicas: 2\n")

	r = feature(t, seconds, "VLLM_URL="+one+",http://127.0.0.1:1")
	assert.Contains(t, r.output, "the server at http://127.0.0.1:1 cannot be reached")
}

// TestSecrets_appearNowhere plants one in every place that takes one, and has the
// server repeat all of them in its errors.
func TestSecrets_appearNowhere(t *testing.T) {
	t.Parallel()
	const secret = "planted-5ecret"
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(secret+"-file"), 0o600))
	var processes strings.Builder
	asked := 0
	to := mocked(t)
	proxy := onward(to)
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; r.URL.Path != "/v1/completions" || asked < 10 { // the load has not begun
			proxy.ServeHTTP(w, r)
			return
		}
		if processes.Len() == 0 {
			lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, path := range lines {
				raw, _ := os.ReadFile(path)
				processes.Write(raw)
			}
		}
		http.Error(w, r.Header.Get("Authorization")+" "+r.Header.Get("X-Team")+" is not welcome", http.StatusForbidden)
	}))
	defer echo.Close()
	at := strings.TrimPrefix(echo.URL, "http://")
	for name, variables := range map[string][]string{
		"a key":      {"VLLM_API_KEY=" + secret},
		"a file":     {"VLLM_API_KEY_FILE=" + file},
		"a command":  {"VLLM_API_KEY_COMMAND=cat " + file},
		"a password": nil,
	} {
		t.Run(name, func(t *testing.T) {
			asked = 0
			r := feature(t, seconds, append(variables, "VLLM_URL=http://user:"+secret+"@"+at, "VLLM_HEADERS=X-Team: "+secret+"-team", "VLLMSPEC_UNKNOWN=warn")...)
			assert.False(t, r.passed)
			require.Len(t, r.runs, 1)
			assert.NotContains(t, r.output, secret)
			stored, err := store.Open(r.runs[0])
			require.NoError(t, err)
			said := ""
			for record := range stored.Run.Records {
				said += record.Error
			}
			assert.Contains(t, said, "is not welcome")
			assert.NotContains(t, said, secret)
			assert.NotContains(t, said, "dXNlcjpwbGFudGVk", "user:planted in base64")
			require.NoError(t, filepath.WalkDir(r.out, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && entry.Type().IsRegular() {
					raw, err := os.ReadFile(path)
					require.NoError(t, err)
					assert.False(t, bytes.Contains(raw, []byte(secret)), path)
				}
				return err
			}))
		})
	}
	assert.NotEmpty(t, processes.String())
	assert.NotContains(t, processes.String(), secret)
}

// TestBaseline_ofAnUnknownGPUSaysSo reads the GPUs where none is told, so that those of this
// machine do not matter.
func TestBaseline_ofAnUnknownGPUSaysSo(t *testing.T) {
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "# nothing here\n") }))
	defer exporter.Close()
	root, variables := t.TempDir(), []string{"VLLM_URL=" + real(t), "DCGM_METRICS_URL=" + exporter.URL}
	judged, _, _ := strings.Cut(seconds, "    Then ")
	compared := judged + "    Then compared with the baseline \"here\":\n      | p50 TTFT | at most 50% worse |\n"
	r, err := tryIn(t, root, compared, variables...)
	require.NoError(t, err)
	bench, err := os.ReadFile(filepath.Join(r.runs[0], "bench.txt"))
	require.NoError(t, err)
	require.NotContains(t, string(bench), "\ngpu: ")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "features", "baselines"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "features", "baselines", "here.txt"), bench, 0o644))
	r, err = tryIn(t, root, compared, variables...)
	require.NoError(t, err)
	assert.Contains(t, r.output, "no GPU could be read on either side: whether it is the same one is unknown")
}
