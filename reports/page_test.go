package reports_test

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/chart"
)

const evil = `</script><script>alert(1)</script><img src=x onerror="alert(2)">`

// runOf is a run of n requests, of which every tenth fails with words that try
// to break out of the page.
func runOf(n int) *harness.Run {
	var records []harness.Record
	var samples []harness.Sample
	for i := range n {
		r := harness.NewRecord(i, time.Duration(i)*100*time.Millisecond)
		r.Sent, r.Done = r.Due, r.Due+50*time.Millisecond
		if i%10 == 9 {
			r.Failure, r.Error = harness.ErrorInStream, evil
		} else {
			r.Chunks = []time.Duration{r.Due + 20*time.Millisecond, r.Due + 50*time.Millisecond}
			r.OutputTokens, r.Finish, r.Good = 2, "stop", true
		}
		records = append(records, r)
		if i%10 > 0 {
			continue
		}
		samples = append(samples, harness.Sample{At: r.Due, Reading: harness.Reading{Source: "server", Series: "vllm:num_requests_running", Value: 1}})
	}
	length := time.Duration(n) * 100 * time.Millisecond
	return &harness.Run{Scenario: harness.Scenario{Name: "Everyday " + evil, Seed: 7}, Start: time.Date(2026, 11, 23, 22, 15, 3, 0, time.UTC),
		Length: length, To: length, Requests: len(records), Records: slices.Values(records), Samples: slices.Values(samples)}
}

func page(t *testing.T, run *harness.Run, rows ...[2]string) (reports.View, string) {
	t.Helper()
	var objectives []harness.Objective
	for _, row := range rows {
		o, err := slo.Parse(row[0], row[1])
		require.NoError(t, err)
		objectives = append(objectives, o)
	}
	view := reports.NewView(run, measure.Of(run), slo.Judge(measure.Of(run), objectives), store.NewManifest("run=x", run))
	var out bytes.Buffer
	require.NoError(t, reports.Render(&out, view))
	return view, out.String()
}

// elements are all elements of a kind in a page.
func elements(t *testing.T, text, kind string) (out []*html.Node) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	require.NoError(t, err)
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == kind {
			out = append(out, n)
		}
	}
	return out
}

func content(n *html.Node) string {
	var out strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			out.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func TestPage_verdictComesFirst(t *testing.T) {
	for want, rows := range map[string][][2]string{
		"Met: both objectives, 1,000 requests.":                                                                         {{"p50 TTFT", "at most 1 s"}, {"requests", "exactly 1,000"}},
		"Missed: error rate was 10 %, n = 1,000, against at most 1%.":                                                   {{"p50 TTFT", "at most 1 s"}, {"error rate", "at most 1%"}, {"mean GPU power", "at most 1 W"}},
		"Unknown: no GPU could be read: this needs NVIDIA's driver on this machine, or its exporter beside the server.": {{"mean GPU power", "at most 1 W"}},
		"Not judged: the scenario has no objectives":                                                                    nil,
	} {
		_, text := page(t, runOf(1000), rows...)
		headings := elements(t, text, "h1")
		require.Len(t, headings, 1)
		assert.Equal(t, want, content(headings[0]))
	}
}

// TestPage_ofStoredVerdictsIsThatOfTheRun is for runs that do not say what was judged: their
// verdicts are taken as they are stored.
func TestPage_ofStoredVerdictsIsThatOfTheRun(t *testing.T) {
	run := runOf(1000)
	row, err := slo.Parse("p50 TTFT", "at most 1 ms")
	require.NoError(t, err)
	verdicts := slo.Judge(measure.Of(run), []harness.Objective{row})
	require.Equal(t, slo.Missed, verdicts[0].Outcome)
	verdicts[0].Cause = slo.Cause{Summary: "requests waited in the server's queue"}.With(": its batch was full; 128 ran at once").Explains(verdicts[0].WasMissed())
	raw, err := json.Marshal(verdicts)
	require.NoError(t, err)
	var stored []slo.Verdict
	require.NoError(t, json.Unmarshal(raw, &stored))
	for _, of := range [][]slo.Verdict{verdicts, stored} {
		view := reports.NewView(run, measure.Of(run), of, store.NewManifest("run=x", run))
		assert.Equal(t, "Missed: p50 TTFT was 20 ms, n = 1,000, against at most 1 ms, because requests waited in the server's queue.", view.Headline)
		assert.Equal(t, "Requests waited in the server's queue: its batch was full; 128 ran at once.", view.Reason)
	}
}

func TestPage_everyObjectiveHasItsRow(t *testing.T) {
	_, text := page(t, runOf(1000), [2]string{"p50 TTFT", "at most 1 s"}, [2]string{"error rate", "at most 1%"})
	rows := slices.DeleteFunc(elements(t, text, "details"), func(n *html.Node) bool { return attribute(n, "class") != "objective" })
	require.Len(t, rows, 2)
	assert.Contains(t, content(rows[0]), "p50 TTFT at most 1 s 20 ms")
	assert.Contains(t, content(rows[0]), "quantile_cont")
	assert.Contains(t, content(rows[1]), "missed")
}

func TestPage_whateverAServerSaysStaysText(t *testing.T) {
	_, text := page(t, runOf(200))
	assert.Empty(t, elements(t, text, "img"))
	scripts := elements(t, text, "script")
	require.Len(t, scripts, 3, "the data, uPlot, our own")
	for _, script := range scripts {
		assert.NotContains(t, content(script), "alert(1)</script>")
	}
	var data struct {
		Requests struct {
			N     int      `json:"n"`
			Words []string `json:"words"`
		} `json:"requests"`
	}
	require.NoError(t, json.Unmarshal([]byte(scripts[0].FirstChild.Data), &data))
	assert.Equal(t, 200, data.Requests.N)
	assert.Contains(t, data.Requests.Words, evil, "whole, and a string")
	assert.Contains(t, text, "&lt;img src=x")
	for _, meta := range elements(t, text, "meta") {
		if attribute(meta, "http-equiv") == "Content-Security-Policy" {
			policy := attribute(meta, "content")
			assert.Contains(t, policy, "default-src 'none'")
			assert.NotContains(t, policy, "unsafe")
			return
		}
	}
	t.Error("the page has no content security policy")
}

func TestPage_needsNoNetwork(t *testing.T) {
	_, text := page(t, runOf(200))
	for _, kind := range []string{"script", "img", "iframe", "link"} {
		for _, n := range elements(t, text, kind) {
			at := attribute(n, "src") + attribute(n, "href")
			assert.True(t, at == "" || strings.HasPrefix(at, "data:image/svg+xml,"), "%s: %s", kind, at)
		}
	}
	for _, style := range elements(t, text, "style") {
		assert.NotContains(t, content(style), "url(")
		assert.NotContains(t, content(style), "@import")
	}
}

func TestPage_emptyStatesSayWhatIsMissing(t *testing.T) {
	run := runOf(0)
	_, text := page(t, run)
	assert.Contains(t, text, "This run was not judged")
	assert.Contains(t, text, "No request was answered, so there is nothing to draw.")
	assert.Contains(t, text, "Set VLLM_METRICS_URL to where they are.")
	assert.Contains(t, text, "This machine could not be watched.")
	run.Unread = map[string]string{"server": "http://host/metrics: 401: access is refused"}
	_, text = page(t, run)
	assert.Contains(t, text, "metrics could not be read: http://host/metrics: 401: access is refused.")
	assert.NotContains(t, text, "Set VLLM_METRICS_URL to where they are.")
	run.Virtual = true
	_, text = page(t, run)
	assert.Contains(t, text, "Not in virtual time")
}

func TestPage_largeRunIsThinnedOut(t *testing.T) {
	view, text := page(t, runOf(110_000))
	assert.Equal(t, 2, view.Data.Requests.Every)
	assert.InDelta(t, 55_000+2000, view.Data.Requests.N, 300, "half of all, and the first that failed, which are of the other half")
	assert.Equal(t, 110_000, view.Data.Requests.Seen)
	assert.Contains(t, content(elements(t, text, "main")[0]), "One of 2 is drawn")
}

func TestPage_barsStandOnOneScale(t *testing.T) {
	verdict := func(relation harness.Relation, limit, upper, value float64) slo.Verdict {
		return slo.Verdict{Objective: harness.Objective{Metric: "TTFT", Relation: relation, Limit: limit, Upper: upper}, Unit: quantity.Seconds, Value: value, Lo: value, Hi: value, N: 1}
	}
	bar := func(v slo.Verdict) chart.Bar {
		return reports.NewView(runOf(1), measure.Of(runOf(1)), []slo.Verdict{v}, store.Manifest{}).Objectives[0].Bar
	}
	assert.Equal(t, chart.Bar{Known: true, AllowedX: 0, AllowW: 50, LimitX: 50, X: 25, ValueX: 25}, bar(verdict(harness.AtMost, 2, 0, 1)))
	assert.Equal(t, chart.Bar{Known: true, AllowedX: 50, AllowW: 50, LimitX: 50, X: 100, ValueX: 100}, bar(verdict(harness.AtLeast, 1, 0, 9)))
	assert.Equal(t, 50.0, bar(verdict(harness.Exactly, 0, 0, 0)).ValueX)
	assert.Equal(t, 100.0, bar(verdict(harness.Exactly, 0, 0, 3)).ValueX)
	assert.Equal(t, 100.0, bar(verdict(harness.AtMost, 1, 0, math.Inf(1))).ValueX)
	assert.InDelta(t, 50.0/5*7-50.0/5*3, bar(verdict(harness.Between, 3, 7, 5)).AllowW, 1e-9)
	assert.False(t, bar(verdict(harness.AtMost, 1, 0, math.NaN())).Known)
}

func TestList_linksToRuns(t *testing.T) {
	run := runOf(10)
	m := store.NewManifest("run=x", run)
	m.Failure = "1 of 1 objectives are not met"
	var out bytes.Buffer
	require.NoError(t, reports.Index(&out, []reports.Entry{reports.NewEntry(m, nil)}))
	links := slices.DeleteFunc(elements(t, out.String(), "a"), func(n *html.Node) bool { return strings.HasPrefix(attribute(n, "href"), "#") })
	require.Len(t, links, 2, "among the scenarios, and among the runs")
	for _, link := range links {
		assert.Equal(t, "run=x/report.html", attribute(link, "href"))
	}
	assert.Empty(t, elements(t, out.String(), "img"), "a name stays text")
	out.Reset()
	require.NoError(t, reports.Index(&out, nil))
	assert.Contains(t, out.String(), "No run is stored here yet.")
}

func TestMainChart_isOfWhatWasMissed(t *testing.T) {
	gaps := chart.Story{Metric: "longest gap"}
	for want, rows := range map[chart.Story][][2]string{
		{Metric: "E2E latency"}: {{"p50 TTFT", "at most 1 s"}, {"p50 E2E latency", "at most 1 ms"}},
		{Metric: "TTFT"}:        {{"requests", "at least 1"}, {"p50 TTFT", "at most 1 s"}, {"p50 TPOT", "at most 1 s"}},
		gaps:                    {{"p50 TTFT", "at most 1 s"}, {"p50 longest gap", "at most 1 ms"}},
	} {
		view, _ := page(t, runOf(1000), rows...)
		assert.Equal(t, want, view.Data.Story)
	}
	view, text := page(t, runOf(1000), [2]string{"p50 ITL", "at most 1 ms"})
	assert.Equal(t, gaps, view.Data.Story, "a gap is no figure of a request, its longest one is")
	assert.NotContains(t, text, "Distribution of longest gap")
	_, text = page(t, runOf(1000), [2]string{"p50 longest gap", "at most 1 s"})
	assert.Contains(t, text, "Distribution of longest gap")
	assert.Contains(t, text, `"metric":"longest gap","n":900`)
}

func TestPage_rowThatComparesIsNoFigureOfTheRun(t *testing.T) {
	o, err := compare.Parse("p50 TTFT", "at most 5% worse")
	require.NoError(t, err)
	run := runOf(100)
	verdicts := compare.Judge([]compare.Row{{Objective: o, Base: []float64{1}, Now: []float64{1}, Against: slo.AgainstBaseline}})
	view := reports.NewView(run, measure.Of(run), verdicts, store.NewManifest("run=x", run))
	assert.Empty(t, view.Data.Limits, "1.05 of the baseline are no 1.05 s")
	assert.Empty(t, view.Objectives[0].SQL)
	assert.Equal(t, "TTFT", view.Data.Story.Metric)
}

func TestPage_hasTheSentencesAndTheWayBack(t *testing.T) {
	run := runOf(10)
	run.Scenario.Sentences = []string{`Given the model "<b>" is being served`, "  | p50 TTFT | at most 1 s |"}
	m := store.NewManifest("run=x", run)
	m.Trial = &store.Trial{Of: "run=all", Kind: "repeat", Number: 1}
	var out bytes.Buffer
	require.NoError(t, reports.Render(&out, reports.NewView(run, measure.Of(run), nil, m)))
	lines := slices.DeleteFunc(elements(t, out.String(), "pre"), func(n *html.Node) bool { return attribute(n, "id") != "sentences" })
	require.Len(t, lines, 1)
	assert.Equal(t, strings.Join(run.Scenario.Sentences, "\n"), lines[0].FirstChild.Data)
	var links []string
	for _, link := range elements(t, out.String(), "a") {
		links = append(links, attribute(link, "href"))
	}
	assert.Equal(t, []string{"../index.html", "../run=all/report.html"}, links[1:3], "behind the one that skips to the objectives")

	out.Reset()
	require.NoError(t, reports.RenderGroup(&out, reports.NewGroup(trials.Group{}, nil, m)))
	assert.Equal(t, "../index.html", attribute(elements(t, out.String(), "a")[0], "href"))
	assert.Contains(t, out.String(), "is being served")
}

func TestList_expectedMissIsNoAlarm(t *testing.T) {
	run := runOf(100)
	m := store.NewManifest("run=x", run)
	objective, err := slo.Parse("p50 TTFT", "at most 1 us")
	require.NoError(t, err)
	verdicts := slo.Judge(measure.Of(run), []harness.Objective{objective})
	require.Equal(t, slo.Missed, verdicts[0].Outcome)
	for failure, c := range map[string]struct{ class, says string }{
		"":                              {"outcome expected", "1 of 1 scenario passed in the latest run, 1 of them missed or unknown, as expected."},
		"1 of 1 objectives are not met": {"outcome missed", "0 of 1 scenario passed in the latest run."},
	} {
		m.Failure = failure
		var out bytes.Buffer
		require.NoError(t, reports.Index(&out, []reports.Entry{reports.NewEntry(m, verdicts)}))
		assert.Equal(t, 2, strings.Count(out.String(), `<td class="`+c.class+`">`), failure)
		assert.Contains(t, out.String(), c.says)
	}
}
