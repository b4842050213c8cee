package suite_test

import (
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func modelLists() []misbehaviour {
	listing := func(does, body, ends string) misbehaviour {
		return misbehaviour{does: does, at: "/v1/models", as: jsonBody(body), ends: ends}
	}
	entries := func(entry string) string { return `{"data":[` + entry + `]}` }
	const noModel = "answers /v1/models with an entry that names no model"
	var many strings.Builder
	for n := range 100_000 {
		fmt.Fprintf(&many, `{"id":"model-%d"},`, n)
	}
	return []misbehaviour{
		listing("lists 8 MiB of `[`", nested(8*mib-1, "["), "it nests more than 1000 deep"),
		listing("lists an entry 100,000 deep", entries(`{"id":"llama-3.1-8b","x":`+nested(100_000, "[")+nested(100_000, "]")+"}"), "it nests more than 1000 deep"),
		listing("lists 100,000 models, none of them ours", entries(strings.TrimSuffix(many.String(), ",")), "and 99980 others"),
		listing("lists an entry without an id", entries(`{"object":"model"}`), noModel+" (number 1: it has no id)"),
		listing("lists an entry whose id is an object", entries(`{"id":"llama-3.1-8b"},{"id":{"a":1}}`), noModel+` (number 2: its id is {"a":1}, and not a name)`),
		listing("lists an entry whose id is empty", entries(`{"id":" "}`), noModel),
		listing("lists an entry whose id is a number", entries(`{"id":7}`), "its id is 7, and not a name"),
		listing("lists an entry whose id has 1 MiB", entries(`{"id":"`+strings.Repeat("x", mib)+`"}`), "its id has 1048576 bytes; at most 1024 are read"),
		listing("lists entries that are no objects", entries(`"llama-3.1-8b"`), "it is no object"),
		listing("lists nothing", entries(""), "serves no model"),
		listing("lists null", "null", "something that is no list of models"),
		listing("lists a web page", "<html>Log in</html>", "answers with a web page"),
		listing("lists half of its models", `{"data":[{"id":"llama-3.1-8b"`, "something that is no list of models"),
		{does: "lists models without end", at: "/v1/models", as: startingForEver(`{"data":[`, `{"id":"x"},`), ends: "its answer to /v1/models is longer than 8 MiB"},
		{does: "redirects to itself", at: "/v1/models", as: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, ends: "stopped after 10 redirects"},
		{does: "resets the connection", at: "/v1/models", as: resetting, ends: "closes the connection at once"},
		{does: "sends a head of 1 MiB", at: "/v1/models", as: headed("X-Y", strings.Repeat("x", mib)), ends: "server response headers exceeded 65536 bytes"},
		{does: "says that a model's context has 1e300 tokens", at: "/v1/models", as: jsonBody(entries(`{"id":"llama-3.1-8b","max_model_len":1e300}`)), may: everyRow},
		{does: "says that a model's context has -1 tokens", at: "/v1/models", as: jsonBody(entries(`{"id":"llama-3.1-8b","max_model_len":-1}`)), may: everyRow},
		{does: "lists 1 MiB beside a model", at: "/v1/models", as: jsonBody(entries(`{"id":"llama-3.1-8b","root":"` + strings.Repeat("x", mib) + `"}`)), may: everyRow},
	}
}

// jsonBody is a body of JSON.
func jsonBody(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
	}
}

func resetting(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

func questions() []misbehaviour {
	return []misbehaviour{
		{does: "sends 8 MiB of `[`", at: "/version", as: jsonBody(nested(8*mib-1, "[")), may: everyRow},
		{does: "sends a version of 1 MiB", at: "/version", as: jsonBody(`{"version":"` + strings.Repeat("x", mib) + `"}`), may: everyRow},
		{does: "sends a version without end", at: "/version", as: startingForEver(`{"version":"`, "x"), may: everyRow},
		{does: "sends an object as version", at: "/version", as: jsonBody(`{"version":{"a":1}}`), may: everyRow},
		{does: "sends 8 MiB of `{`", at: "/server_info", as: jsonBody(`{"vllm_config":` + nested(8*mib/6-10, `{"a":`)), may: everyRow},
		{does: "sends a configuration of 5 MiB", at: "/server_info", as: jsonBody(`{"vllm_config":{"a":"` + strings.Repeat("x", 5*mib) + `"}}`), may: everyRow},
		{does: "sends a configuration without end", at: "/server_info", as: startingForEver(`{"vllm_config":"`, "x"), may: everyRow},
	}
}

func metricPages() []misbehaviour {
	running := func(value any) string {
		return fmt.Sprintf("vllm:num_requests_running{engine=\"0\",model_name=\"llama-3.1-8b\"} %v\n", value)
	}
	var series, names strings.Builder
	for n := range 100_000 {
		fmt.Fprintf(&series, "vllm:num_requests_waiting{engine=\"%d\"} 1\n", n)
		fmt.Fprintf(&names, "vllm:num_%d 1\n", n)
	}
	page := func(does, text, ends, may string) misbehaviour {
		return misbehaviour{does: does, at: "/metrics", as: raw(text), ends: ends, may: may}
	}
	const tooMany = "the page has more than 40000 series that could be kept"
	all := []misbehaviour{
		page("sends a page of 17 MiB", wellTold+strings.Repeat("# comment\n", 17*mib/10), "the page has more than 16 MiB", "let"),
		{does: "sends a page without end", at: "/metrics", as: forEver("# comment\n"), ends: "the page has more than 16 MiB", may: "let"},
		page("sends 100,000 series", wellTold+series.String(), tooMany, "let"),
		page("sends 100,000 names", wellTold+names.String(), tooMany, "let"),
		page("sends a label of 1 MiB", wellTold+fmt.Sprintf("vllm:num_requests_waiting{engine=%q} 1\n", strings.Repeat("x", mib)), "of the page has 1048", "let"),
		page("sends 15 MiB of labels", wellTold+labels(15*mib/(60<<10)), "the page has more than 8 MiB of series that could be kept", "let"),
		page("sends 10,000 labels with a series", wellTold+"vllm:num_requests_waiting{"+manyLabels(10_000)+"} 1\n", "of the page has", "let"),
		page("sends NaN", running(math.NaN()), "max running requests", "let"),
		page("sends +Inf", running("+Inf"), "max running requests", "let"),
		page("sends -5 running requests", running(-5), "max running requests", "let"),
		page("sends 1e999", running("1e999"), "max running requests", "let"),
		page("sends a value that is no number", running("x"), "is no number", "let"),
		page("sends a label that is not UTF-8", wellTold+"vllm:num_requests_waiting{engine=\"\xff\"} 1\n", "is not UTF-8", "let"),
		page("sends gzip", zippedTimes(wellTold, 1), "", "let"),
		page("sends 1 MiB of `[`", nested(mib, "["), "", "let"),
		page("sends half of a page", wellTold+"vllm:num_requests_wai", "the page is cut short", "let"),
		page("sends nothing", "", "the page has no metric of vLLM's", "let"),
		page("sends the same series twice", running(1)+running(7), "", everyRow),
		{does: "sends a web page", at: "/metrics", as: headed("Content-Type", "text/html"), ends: "a web page came, not metrics", may: "let"},
		{does: "sends 500 with 5 MiB", at: "/metrics", as: refusing(500, strings.Repeat("word ", mib)), ends: "status 500", may: "let"},
		{does: "redirects to itself", at: "/metrics", as: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, ends: "stopped after 10 redirects", may: "let"},
		{does: "resets the connection", at: "/metrics", as: resetting, ends: "reset by peer", may: "let"},
		{does: "drips a page byte by byte", at: "/metrics", as: slowly(wellTold, strings.Repeat("#", 1000)), ends: "", may: "let"},
		{does: "sends a page and never its end", at: "/metrics", as: hanging, ends: "", may: "let"},
	}
	for i := range all {
		all[i].alone = strings.Contains(all[i].does, "100,000") || strings.Contains(all[i].does, " MiB of labels")
	}
	return all
}

func hanging(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, wellTold)
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// labels are so many series with labels of 60 KiB.
func labels(n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, "vllm:num_requests_waiting{engine=\"%d\",x=%q} 1\n", i, strings.Repeat("x", 60<<10))
	}
	return all.String()
}

func manyLabels(n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, "label_%d=\"x\",", i)
	}
	return all.String()
}

var update = flag.Bool("update", false, "write what was counted into docs/reliability.md")

// documented holds what a test counted against its part of docs/reliability.md, between
// its marks, and writes it there where that is asked for.
func documented(t *testing.T, counted string) {
	const path, begin, end = "../../docs/reliability.md", "<!-- counted by TestMisbehaviour_endsNoRunBadly: begin -->\n", "<!-- counted by TestMisbehaviour_endsNoRunBadly: end -->"
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(raw), begin)
	require.True(t, found, "%s has no place for what was counted", path)
	was, after, found := strings.Cut(rest, end)
	require.True(t, found)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+counted+end+after), 0o644))
		return
	}
	assert.Equal(t, counted, was, "docs/reliability.md: run go test ./internal/suite -run TestMisbehaviour -update")
}
