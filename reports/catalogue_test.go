package reports_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// everything is a run whose requests have each metric of the catalogue.
func everything(n int) *harness.Run {
	run := runOf(n)
	var records []harness.Record
	for r := range run.Records {
		if r.OK() {
			r.FirstAnswer = r.Chunks[0] + time.Millisecond
			r.Connecting, r.Resolving, r.Securing, r.ReadDelay = 3*time.Millisecond, time.Millisecond, time.Millisecond, 20*time.Microsecond
			r.PromptTokens, r.CachedTokens, r.ReasoningTokens = 2_000+r.Seq, 512, 1
		}
		records = append(records, r)
	}
	run.Records = slices.Values(records)
	return run
}

// TestPage_hasEachMetricOfRequests walks the catalogue: a metric that each request has one value
// of is in the choice of the first chart, in its data and its query, and where an objective names
// it, among the rows, the limits and the definitions.
func TestPage_hasEachMetricOfRequests(t *testing.T) {
	all := slices.DeleteFunc(metric.OfEachRequest(), func(m metric.Metric) bool { return !m.Means(harness.Streamed) })
	require.Greater(t, len(all), 15)
	var rows [][2]string
	for _, m := range all {
		limit := map[quantity.Unit]string{quantity.Seconds: "at most 1 s"}[m.Unit]
		if limit == "" {
			limit = "at most 9,000"
		}
		rows = append(rows, [2]string{"p50 " + m.Name, limit})
	}
	view, text := page(t, everything(1000), rows...)
	var offered []string
	for _, option := range elements(t, text, "option") {
		offered = append(offered, content(option))
	}
	sections := elements(t, text, "section")
	story := content(sections[slices.IndexFunc(sections, func(n *html.Node) bool { return attribute(n, "class") == "story" })])
	figures := slices.DeleteFunc(slices.Clone(view.Data.Requests.Figures), func(f chart.Figure) bool { return !f.Some })
	for k, m := range all {
		assert.Contains(t, offered, m.Name, "the choice of the first chart")
		f := figures[k]
		assert.Equal(t, []any{m.Name, m.Unit, true}, []any{f.Name, f.Unit, f.Some}, "the numbers of each request")
		assert.Contains(t, story, `as "`+m.Name+`"`, "the query of the first chart")
		assert.Equal(t, m.Name, view.Data.Limits[k].Metric)
		assert.Equal(t, "p50 "+m.Name, view.Objectives[k].Name)
		assert.NotEmpty(t, view.Objectives[k].SQL, m.Name)
		assert.NotEqual(t, "–", view.Objectives[k].Value, m.Name)
		assert.Contains(t, view.Definitions, reports.Fact{Name: m.Name, Value: m.Formula})
		assert.True(t, slices.ContainsFunc(view.Figures, func(f reports.Figures) bool { return f.Name == m.Name }), "the figures of the run have %s", m.Name)
	}
}

// TestScript_namesMetricsOfTheCatalogue looks for metrics that the script asks for by name.
func TestScript_namesMetricsOfTheCatalogue(t *testing.T) {
	_, text := page(t, runOf(10))
	scripts := elements(t, text, "script")
	own := scripts[len(scripts)-1].FirstChild.Data
	found := regexp.MustCompile(`part\('([^']+)', zoom\)|of\['([^']+)'\]`).FindAllStringSubmatch(own, -1)
	require.GreaterOrEqual(t, len(found), 4)
	for _, names := range found {
		name := names[1] + names[2]
		m, err := metric.Lookup(name)
		require.NoError(t, err)
		assert.NotNil(t, m.PerRequest(), name)
	}
}

// TestPage_showsWhatThereIsOfAFailedRequest holds that its first token is looked at, though no verdict
// counts it, and that of an answer that broke off there is no latency.
func TestPage_showsWhatThereIsOfAFailedRequest(t *testing.T) {
	r := harness.NewRecord(0, 0)
	r.Sent, r.Chunks, r.Done, r.PromptTokens, r.Failure = 0, []time.Duration{time.Second}, 2*time.Second, 100, harness.Reset
	shown := map[string]bool{}
	for _, m := range metric.OfEachRequest() {
		_, shown[m.Name] = m.PerRequest().Shown(&r)
		_, counts := m.PerRequest().Value(&r)
		assert.Equal(t, m.IsOwn() && shown[m.Name], counts, m.Name)
	}
	for name, want := range map[string]bool{metric.NameTTFT: true, "TTFT since sent": true, "lag": true, "input tokens": true, "chunks": true,
		metric.NameE2E: false, metric.NameTPOT: false, metric.NameLongestGap: false, "time to first answer": false, "output tokens": false} {
		assert.Equal(t, want, shown[name], name)
	}
}
