package mockvllm_test

import (
	"bufio"
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/mockvllm"
)

var record = flag.Bool("record", false, "ask the server at VLLM_URL, freshly started by fixtures/vllm/serve, and write down what it answers")

var missing = flag.Bool("missing", false, "with -record: only what was never asked")

// recordings is where the answers of real servers lie, a folder for each version.
const recordings = "../fixtures/recordings"

// conformance lists what the mock does otherwise. It is made by this test, which
// fails when it is out of date: go test ./mockvllm -run Conforms -update
const conformance = "../docs/mock-conformance.md"

// TestServer_ConformsToVLLM asks the mock what a real vLLM was asked, and compares
// shape by shape. Every difference stands in docs/mock-conformance.md: a new one
// fails the test, and so does one that is there no more.
func TestServer_ConformsToVLLM(t *testing.T) {
	if *record {
		recordAll(t)
	}
	folders, err := filepath.Glob(recordings + "/*")
	require.NoError(t, err)
	require.Len(t, folders, 1, "the recordings of one version")
	version := filepath.Base(folders[0])

	mock := conforming(t, version)
	pages := map[string][2]page{}
	report := &differences{version: version}
	dates := map[string]bool{}
	for _, e := range exchanges() {
		real := readRecording(t, filepath.Join(folders[0], e.name+".txt"))
		dates[real.date] = true
		own := e.ask(t, mock.URL, "secret")
		report.exchanges++
		if e.path == "/metrics" {
			pages[e.name] = [2]page{readPage(t, real.body), readPage(t, own.body)}
			report.page(e.name, pages[e.name])
			continue
		}
		report.compare(e, real, own)
	}
	report.growth(pages)
	report.dates = strings.Join(slices.Sorted(maps.Keys(dates)), " and ")
	got := report.String()
	if *update {
		require.NoError(t, os.WriteFile(conformance, []byte(got), 0o644))
	}
	want, err := os.ReadFile(conformance)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "the mock does other things than docs/mock-conformance.md says: mend it, or run go test ./mockvllm -run Conforms -update")
}

// conforming is a mock that is started as fixtures/vllm/serve starts vLLM.
func conforming(t *testing.T, version string) *httptest.Server {
	p := plain()
	p.Name, p.A, p.C, p.D, p.Frontend = "tiny", 0.1, 0, 0, 0
	p.BlockSize, p.Blocks, p.MaxSeqs, p.MaxBatchedTokens, p.MaxModelLen = 32, 1024, 8, 2048, 4096
	s := start(t, mockvllm.Config{Profile: p, Root: "model", APIKeys: []string{"secret"}, Development: true, PromptDetails: true})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server
}

// A recording is one answer.
type recording struct {
	version, date string
	status        int
	header        http.Header
	body          string
}

func (e exchange) ask(t *testing.T, url, key string) recording {
	t.Helper()
	r, err := http.NewRequest(e.method, url+e.path, strings.NewReader(e.body))
	require.NoError(t, err)
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for name, values := range e.header {
		r.Header[name] = values
		if values[0] == "" {
			r.Header.Del(name)
		}
	}
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	response, err := client.Do(r)
	require.NoError(t, err, e.name)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err, e.name)
	header := response.Header
	for _, varies := range []string{"Date", "Connection"} {
		header.Del(varies)
	}
	if response.TransferEncoding != nil {
		header["Transfer-Encoding"] = response.TransferEncoding
	}
	return recording{status: response.StatusCode, header: header, body: string(body)}
}

// recordAll writes what the server at VLLM_URL answers, and nothing of what it
// was asked but method and path.
func recordAll(t *testing.T) {
	url, key := os.Getenv("VLLM_URL"), os.Getenv("VLLM_API_KEY")
	require.NotEmpty(t, url, "run it with fixtures/vllm/serve, which sets VLLM_URL")
	about := exchange{name: "version", method: "GET", path: "/version"}.ask(t, url, key)
	version := gjson.Get(about.body, "version").String()
	require.NotEmpty(t, version)
	folder, serves := filepath.Join(recordings, version), cmp.Or(os.Getenv("VLLM_SERVES"), "generate")
	if _, err := os.Stat(folder); err != nil { // those of another version
		require.NoError(t, os.RemoveAll(recordings))
	}
	require.NoError(t, os.MkdirAll(folder, 0o755))
	for _, e := range exchanges() {
		if _, err := os.Stat(filepath.Join(folder, e.name+".txt")); cmp.Or(e.serves, "generate") != serves || *missing && err == nil {
			continue
		}
		r := e.ask(t, url, key)
		require.NotContains(t, r.body, key)
		var out bytes.Buffer
		fmt.Fprintf(&out, "vLLM %s, %s: %s %s\nHTTP %d\n", version, time.Now().UTC().Format(time.DateOnly), e.method, e.path, r.status)
		require.NoError(t, r.header.WriteSubset(&out, nil))
		fmt.Fprintf(&out, "\n%s", r.body)
		raw := bytes.ReplaceAll(out.Bytes(), []byte("\r\n"), []byte("\n"))
		require.NoError(t, os.WriteFile(filepath.Join(folder, e.name+".txt"), raw, 0o644))
	}
}

func readRecording(t *testing.T, path string) recording {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	head, body, _ := strings.Cut(string(raw), "\n\n")
	lines := bufio.NewScanner(strings.NewReader(head))
	r := recording{header: http.Header{}, body: body}
	for n := 0; lines.Scan(); n++ {
		switch line := lines.Text(); n {
		case 0:
			_, err = fmt.Sscanf(line, "vLLM %s %s", &r.version, &r.date)
			r.date = strings.TrimSuffix(r.date, ":")
		case 1:
			_, err = fmt.Sscanf(line, "HTTP %d", &r.status)
		default:
			name, value, _ := strings.Cut(line, ": ")
			r.header.Add(name, value)
		}
		require.NoError(t, err, path)
	}
	return r
}

// differences collects what is not the same, in the order in which it was found.
type differences struct {
	version, dates string
	exchanges      int
	rows           [][3]string            // where, vLLM, the mock
	among          map[[3]string][]string // row → exchanges
}

func (d *differences) add(exchange, where, real, mock string) {
	row := [3]string{where, real, mock}
	if d.among == nil {
		d.among = map[[3]string][]string{}
	}
	if d.among[row] == nil {
		d.rows = append(d.rows, row)
	}
	if !slices.Contains(d.among[row], exchange) {
		d.among[row] = append(d.among[row], exchange)
	}
}

// compare notes where two answers to one request differ in form.
func (d *differences) compare(e exchange, real, mock recording) {
	if real.status != mock.status { // all else is another thing, too
		d.add(e.name, "status", inShort(real), inShort(mock))
		return
	}
	for _, name := range []string{"Content-Type", "Allow", "Retry-After", "Www-Authenticate", "X-Request-Id"} {
		if r, m := real.header.Get(name), mock.header.Get(name); r != m {
			d.add(e.name, name, cmp.Or(r, "none"), cmp.Or(m, "none"))
		}
	}
	if r, m := real.header.Get("Content-Length") != "", mock.header.Get("Content-Length") != ""; r != m {
		d.add(e.name, "Content-Length", told(r), told(m))
	}
	reals, mocks := events(real.body, e.exact), events(mock.body, e.exact)
	if len(reals) != len(mocks) {
		d.add(e.name, "kinds of events, one after the other", fmt.Sprint(len(reals)), fmt.Sprint(len(mocks)))
		return
	}
	for i := range reals {
		for _, path := range slices.Sorted(keysOf(reals[i], mocks[i])) {
			if r, m := cmp.Or(reals[i][path], "absent"), cmp.Or(mocks[i][path], "absent"); r != m {
				d.add(e.name, path, r, m)
			}
		}
	}
}

// short is a text that is not too long for a table.
func short(s string) string {
	if r := []rune(s); len(r) > 150 {
		return string(r[:150]) + "…"
	}
	return s
}

// inShort is a status, and the message where it is an error's.
func inShort(r recording) string {
	return strings.TrimSpace(fmt.Sprint(r.status, " ", gjson.Get(r.body, "error.message")))
}

func told(is bool) string { return map[bool]string{true: "told", false: "not told"}[is] }

func (d *differences) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, `# How the mock differs from vLLM

vLLM %s was asked %d things on %s: completions, chat and their siblings, tokens for tokens, vectors, classes and scores, streamed and whole, the mistakes that clients make, its metrics before and after.
What it answered lies in fixtures/recordings. A test asks the mock the same and compares status, headers, events and their order, fields, nulls, types and
error messages; names, types, labels and buckets of metrics, and by how much the counters rose. Ids, times, texts and numbers of tokens that depend on the
tokenizer are compared by their form; how many tokens stand in one event, the order of fields and HELP texts are not compared. Vectors, classes and scores are those of models
of random weights that pool. Tools, reasoning, LoRA and speculative decoding were not recorded: what the mock does there is as vLLM's sources and documents have it.

This page is made by that test, which fails when the list is not the whole truth: `+"`go test ./mockvllm -run Conforms -update`"+`.
To record another version: change fixtures/vllm/requirements.in, and `+"`fixtures/vllm/serve go test ./mockvllm -run Conforms -record -update`"+`, once more each with
VLLM_SERVES=embed, classify and rank before it.

How fast it is compares another test: `+"`go test -v -run 'Real|H200' ./mockvllm/calibrate`"+`. What the mock does otherwise: the front end of a real server, one Python process
that tokenizes, collects and streams, gets slower with the tokens that pass through it, and saturates. Under 512 users, prompts of 128 tokens and answers of 128, vLLM 0.26.0 on
one H100 took 1,041 ms to the first token and 28.5 ms between tokens; by the server's own histograms 272 ms of the first were queue and
prefill. The mock, whose front end takes 12 ms whatever the load, took 281 and 27.6 (run c512 in mockvllm/calibrate/testdata/one-h100.csv).

`, d.version, d.exchanges, d.dates)
	if len(d.rows) == 0 {
		return out.String() + "There is no difference.\n"
	}
	fmt.Fprintf(&out, "%d differences remain.\n\n| asked | where | vLLM | the mock |\n|---|---|---|---|\n", len(d.rows))
	plain := strings.NewReplacer("|", "\\|", "\n", "⏎", "<", "&lt;")
	for _, row := range d.rows {
		fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", strings.Join(d.among[row], ", "), plain.Replace(row[0]), plain.Replace(short(row[1])), plain.Replace(short(row[2])))
	}
	return out.String()
}
