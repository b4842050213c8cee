package suite_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSecrets_inEveryPlaceAreFoundNowhere plants secrets in all places, and looks for them in every
// file, every column, all output, the live page and the page for Prometheus.
func TestSecrets_inEveryPlaceAreFoundNowhere(t *testing.T) {
	p := &planting{t: t, planted: map[string]bool{}}
	t.Run("a server at a URL", p.atURL)
	t.Run("a key in a file", p.inFile)
	t.Run("a key of a command", p.ofCommand)
	t.Run("a server that is started", p.started)
	t.Run("mistakes", p.mistakes)
	assert.GreaterOrEqual(t, len(places()), 60)
	for _, place := range places() {
		assert.True(t, p.planted[place], "no secret was planted in %s", place)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", freePort(t))
}

// looking reads what a run shows while it goes on, until it is asked for all of it.
func looking(page, metrics string) (seen func() string) {
	var all strings.Builder
	var reading sync.WaitGroup
	var mu sync.Mutex
	ctx, stop := context.WithCancel(context.Background())
	for _, address := range []string{page + "/", page + "/events", metrics + "/metrics"} {
		reading.Go(func() {
			for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
				request, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address, nil)
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					continue
				}
				raw, _ := io.ReadAll(response.Body) // of events: until the run has ended
				response.Body.Close()
				mu.Lock()
				all.Write(raw)
				mu.Unlock()
			}
		})
	}
	return func() string {
		stop()
		reading.Wait()
		return all.String()
	}
}

func (p *planting) atURL(t *testing.T) {
	p.t = t
	configured := []string{"VLLM_API_KEY", "the password in VLLM_URL", "the first of VLLM_HEADERS", "the second of VLLM_HEADERS", "VLLM_METRICS_API_KEY", "the password in VLLM_METRICS_URL",
		"the password in DCGM_METRICS_URL", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "the password in DATABASE_URL", "the password in HTTPS_PROXY", "OTEL_EXPORTER_OTLP_HEADERS",
		"MY_SERVICE_PASSWORD", "a basic login in VLLM_HEADERS", "a private key of two lines"}
	server := &parrot{planting: p, known: configured, load: 12}
	listening := server.start()
	defer listening.Close()
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, r.Header.Get("X-Otlp")+" token="+p.simple("the error of the collector"), http.StatusForbidden)
	}))
	defer collector.Close()
	at, page, metrics := strings.TrimPrefix(listening.URL, "http://"), freeAddress(t), freeAddress(t)
	login := func(place string) string { return "user:" + url.QueryEscape(p.secret(place)) + "@" }
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL) // OpenTelemetry reads these itself
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-otlp="+url.QueryEscape(p.secret("OTEL_EXPORTER_OTLP_HEADERS")))
	key := p.secret("a private key of two lines")
	seen := looking(page, metrics)
	r := feature(t, strings.NewReplacer("30 per second", "40 per second", "1 second", "2 seconds").Replace(seconds),
		"VLLM_URL=http://"+login("the password in VLLM_URL")+at, "VLLM_API_KEY="+p.secret("VLLM_API_KEY"),
		"VLLM_HEADERS=X-Team: "+p.secret("the first of VLLM_HEADERS")+"; X-Other: "+p.secret("the second of VLLM_HEADERS")+"; X-Login: Basic "+base64.StdEncoding.EncodeToString([]byte("me:"+p.secret("a basic login in VLLM_HEADERS"))),
		"VLLM_METRICS_URL=http://"+login("the password in VLLM_METRICS_URL")+at+"/metrics", "VLLM_METRICS_API_KEY="+p.secret("VLLM_METRICS_API_KEY"),
		"DCGM_METRICS_URL=http://"+login("the password in DCGM_METRICS_URL")+at+"/gpus",
		"HF_TOKEN="+p.secret("HF_TOKEN"), "AWS_SECRET_ACCESS_KEY="+p.secret("AWS_SECRET_ACCESS_KEY"), "GITHUB_TOKEN="+p.secret("GITHUB_TOKEN"),
		"DATABASE_URL=postgres://"+login("the password in DATABASE_URL")+"db.example/x", "HTTPS_PROXY=http://"+login("the password in HTTPS_PROXY")+"proxy.example:3128",
		"OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_EXPORTER_OTLP_HEADERS="+os.Getenv("OTEL_EXPORTER_OTLP_HEADERS"),
		"MY_SERVICE_PASSWORD="+p.secret("MY_SERVICE_PASSWORD"), "DEPLOY_PRIVATE_KEY=-----BEGIN X-----\n"+key+"\n"+key+"\n-----END X-----",
		"VLLMSPEC_DASHBOARD="+page, "VLLMSPEC_METRICS="+metrics, "GITHUB_ACTIONS=true", "GITHUB_STEP_SUMMARY="+filepath.Join(t.TempDir(), "summary.md"), "VLLMSPEC_UNKNOWN=warn")
	live := seen()
	assert.False(t, r.passed)
	require.Len(t, r.runs, 1, r.output)
	p.nowhere("the output", r.output)
	p.nowhere("the live page or the page for Prometheus", live)
	assert.Contains(t, live, "vllmspec_requests_total")
	assert.Contains(t, live, "\ndata: ", "frames were seen")
	assert.Contains(t, live, "</html>")
	files, values := p.inFiles(r.out)
	assert.Greater(t, files, 10)
	assert.Greater(t, values, 1000)
	m := manifestOf(t, r)
	assert.Contains(t, string(m.Server.Config), `"max_tokens"`, "what is no secret stays")
	assert.Contains(t, string(m.Server.Config), "tokenizer='x'")
	assert.Equal(t, "llama-3.1-8b", m.Server.Model)
}

// quick is a load that is over soon.
const quick = `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 64 tokens are answered in 8 tokens
    And requests arrive evenly at 80 per second
    When the load runs for 24 requests
    Then these objectives are met:
      | error rate | none |
`

// held runs a feature against the parrot, which knows the secrets of these places.
func (p *planting) held(known []string, variables ...string) {
	p.t.Helper()
	server := &parrot{planting: p, known: known, load: 12}
	listening := server.start()
	defer listening.Close()
	r := feature(p.t, quick, append(variables, "VLLM_URL="+listening.URL, "VLLMSPEC_DASHBOARD=off")...)
	assert.False(p.t, r.passed)
	require.Len(p.t, r.runs, 1, r.output)
	p.nowhere("the output", r.output)
	p.inFiles(r.out)
}

func (p *planting) inFile(t *testing.T) {
	p.t = t
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte(p.secret("VLLM_API_KEY_FILE")+"\n"), 0o600))
	p.held([]string{"VLLM_API_KEY_FILE"}, "VLLM_API_KEY_FILE="+path)
}

// script is a shell script in a file.
func script(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.sh")
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o700))
	return path
}

func (p *planting) ofCommand(t *testing.T) {
	p.t = t
	place := "what VLLM_API_KEY_COMMAND prints"
	p.held([]string{place}, "VLLM_API_KEY_COMMAND=sh "+script(t, "echo '"+p.secret(place)+"'"))
	place = "the JSON that VLLM_API_KEY_COMMAND prints"
	p.held([]string{place}, "VLLM_API_KEY_COMMAND=sh "+script(t, `echo '{"access_token":"`+p.secret(place)+`","expires_in":3600}'`))

	plain, inside, own := p.secret("standard output of a failing command"), p.secret("JSON of a failing command"), p.simple("standard error of a failing command")
	argument := p.simple("an argument of a failing command")
	long := strings.Repeat("x", 290-len(plain)/2)
	for _, lines := range [][]string{
		{"echo '" + plain + "'", "echo '" + long + " " + plain + "' >&2", "exit 3"},
		{`echo '{"data":{"value":"` + inside + `"}}'`, "echo 'refused: " + inside + "' >&2", "exit 3"},
		{"echo '" + strings.Repeat("y ", 140) + " token=" + own + "' >&2", "exit 3"},
		{`echo "usage: $0 $*" >&2`, "exit 3"},
	} {
		r := feature(t, quick, "VLLM_URL=http://127.0.0.1:1", "VLLM_API_KEY_COMMAND=sh "+script(t, lines...)+" --client-secret "+argument)
		assert.False(t, r.passed)
		assert.Contains(t, r.output, "exit status 3")
		p.nowhere("the output", r.output)
		p.inFiles(r.out)
	}
}

func (p *planting) started(t *testing.T) {
	p.t = t
	variable := p.secret("a variable in the server's log")
	split := p.secret("two writes of the server's log")
	endless := p.secret("an endless line of the server's log")
	encoded := p.secret("base64 in the server's log")
	program := script(t,
		"env", // all of the environment, and what it was started with
		`echo "started with $*"`,
		"printf '%s' '"+split[:9]+"'", "sleep 0.1", "printf '%s\\n' '"+split[9:]+"'",
		"head -c 65530 /dev/zero | tr '\\0' x", "echo '"+endless+"'",
		`echo "non-default args: {'model': 'x', 'api_key': ['`+p.secret("Python in the server's log")+`'], 'seed': 0}"`,
		`echo '{"level":"info","clientSecret":"`+p.secret("JSON in the server's log")+`"}'`,
		"echo 'authorization: Bearer "+p.simple("a header in the server's log")+"'",
		"echo 'login "+base64.StdEncoding.EncodeToString([]byte("user:"+encoded))+"'",
		"echo 'downloading https://me:"+p.simple("a URL in the server's log")+"@hub.example/x?sig="+p.simple("a URL in the server's log")+"'",
		"echo 'using hf_"+p.simple("a token of Hugging Face's in the server's log")+"'",
		`while [ $# -gt 0 ]; do case $1 in --host) h=$2;; --port) port=$2;; esac; shift; done`,
		mockProgram(t)+` serve llama-3.1-8b --host "$h" --port "$port" &`, "m=$!; trap 'kill $m' TERM",
		"(sleep 1; kill $m) & wait $m", `echo 'session_password: "`+p.secret("the last words of a server that ends")+`"'`, "exit 7")
	r := feature(t, strings.Replace(seconds, "1 second", "2 seconds", 1),
		"VLLM_COMMAND=env MY_TOKEN='"+p.secret("MY_TOKEN in VLLM_COMMAND")+"' sh "+program+" --some-token='"+p.secret("--some-token= in VLLM_COMMAND")+"'",
		"VLLM_ARGS=--db-password '"+p.secret("--db-password in VLLM_ARGS")+"' --hub https://me:"+p.simple("a URL in VLLM_ARGS")+"@hub.example --config '{\"api_key\":\""+p.simple("JSON in VLLM_ARGS")+"\"}'",
		"AWS_SESSION_TOKEN="+variable, "ENDLESS_SECRET="+endless, "SPLIT_SECRET="+split, "ENCODED_PASSWORD="+encoded,
		"VLLMSPEC_UNKNOWN=warn", "VLLMSPEC_DASHBOARD=off", "PATH="+os.Getenv("PATH"))
	assert.False(t, r.passed)
	require.Len(t, r.runs, 1, r.output)
	assert.Contains(t, r.output, "its last lines")
	p.nowhere("the output", r.output)
	p.inFiles(r.out)
	log, err := os.ReadFile(filepath.Join(r.runs[0], "server.log"))
	require.NoError(t, err)
	for _, stays := range []string{"AWS_SESSION_TOKEN=…", "MY_TOKEN=…", "non-default args: {'model': 'x', 'api_key': […], 'seed': 0}", "https://hub.example/x?sig=…", "mockvllm: llama-3.1-8b"} {
		assert.Contains(t, string(log), stays)
	}
}

func (p *planting) mistakes(t *testing.T) {
	p.t = t
	words := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(words, []byte("key "+p.secret("two words in VLLM_API_KEY_FILE")), 0o600))
	n := 0
	for place, variables := range map[string][]string{
		"VLLM_URL with a bad port":         {"VLLM_URL=http://user:%s@127.0.0.1:xx"},
		"VLLM_URL with a space":            {"VLLM_URL=http://user:%s@127.0.0.1 :80"},
		"the query of VLLM_URL":            {"VLLM_URL=http://127.0.0.1:80?k=%s#x"},
		"the query of VLLM_URL_B":          {"VLLM_URL=http://127.0.0.1:80", "VLLM_URL_B=http://127.0.0.1:81/?api_key=%s#x"},
		"VLLMSPEC_OUT in a bucket":         {"VLLMSPEC_OUT=s3://key:%s@bucket/x"},
		"--api-key in VLLM_COMMAND":        {"VLLM_COMMAND=vllm serve --api-key '%s'"},
		"--api_key in VLLM_ARGS":           {"VLLM_COMMAND=vllm serve", "VLLM_ARGS=--api_key '%s'"},
		"--hf_token= in VLLM_ARGS":         {"VLLM_COMMAND=vllm serve", "VLLM_ARGS=--hf_token='%s'"},
		"a header without a name":          {"VLLM_HEADERS=X A: %s"},
		"two words in VLLM_API_KEY_FILE":   {"VLLM_API_KEY_FILE=" + words},
		"VLLMSPEC_METRICS with a password": {"VLLMSPEC_METRICS=http://user:%s@127.0.0.1:x"},
	} {
		for i := range variables {
			variables[i] = strings.Replace(variables[i], "%s", p.simple(place), 1)
		}
		_, err := try(t, quick, variables...)
		if assert.Error(t, err, place) {
			n++
			p.nowhere(fmt.Sprintf("the error of %s", place), err.Error())
		}
	}
	assert.Equal(t, 11, n)
}
