package reports_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/reports"
)

func figure(name string, unit quantity.Unit, value, lo, hi float64) trials.Figure {
	return trials.Figure{Name: name, Unit: unit, Value: &value, Lo: &lo, Hi: &hi, N: 500}
}

func groupPage(t *testing.T, of trials.Group, verdicts ...slo.Verdict) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, reports.RenderGroup(&out, reports.NewGroup(of, verdicts, store.NewManifest("run=x", runOf(1)))))
	assert.NotContains(t, out.String(), "NaN")
	assert.NotContains(t, out.String(), "Inf")
	return out.String()
}

func TestSweep_isDrawnWithItsKnee(t *testing.T) {
	var points []trials.Point
	for i, rate := range []float64{2, 4, 8, 16} {
		limit := harness.Objective{Statistic: "p99", Metric: "TTFT", Relation: harness.AtMost, Limit: .5, Text: "at most 500 ms", Setting: trials.Rate.At(rate)}
		p := trials.Point{Setting: rate, Outcome: slo.Met, Verdicts: []slo.Verdict{{Objective: limit, Unit: quantity.Seconds}}, Figures: []trials.Figure{
			figure("p50 TTFT", quantity.Seconds, .02*rate, .018*rate, .023*rate), figure("p50 TPOT", quantity.Seconds, .007+.001*rate, .007, .009),
			figure("request throughput", quantity.PerSecond, rate, rate, rate), figure("output throughput", quantity.TokensPerSecond, 100*rate, 99*rate, 101*rate),
			figure("mean E2E latency", quantity.Seconds, 1+rate*rate/40, 1, 9)}}
		if i == 3 { // nothing came back whole
			p.Figures[0].Value, p.Figures[0].Hi = nil, nil
		}
		points = append(points, p)
	}
	text := groupPage(t, trials.Group{Kind: trials.Sweep, Scale: trials.Rate, Curve: trials.NewCurve(points, 0)})
	assert.Len(t, elements(t, text, "svg"), 4+1, "four plots, and the mark of the outcome")
	assert.Contains(t, text, ">knee<")
	assert.Contains(t, text, "4 per second: 80 ms [72, 92]")
	assert.Contains(t, text, "16 per second: 1,600 tokens per second")
	assert.Contains(t, text, ">p99 TTFT at most 500 ms</text>", "the limit is drawn")
	open(t, text, 1440, 900).picture("sweep-1440")

	text = groupPage(t, trials.Group{Kind: trials.Sweep, Scale: trials.Rate, Curve: trials.NewCurve(points[:2], 0)})
	assert.NotContains(t, text, ">knee<", "throughput still grows faster than latency")
	assert.Contains(t, text, "No knee up to 4 per second")

	text = groupPage(t, trials.Group{Kind: trials.Sweep, Scale: trials.Rate, Curve: trials.NewCurve(points, 4)})
	assert.Contains(t, text, "Throughput per GPU against speed")
	assert.Contains(t, text, "of each of its 4 GPUs")
	assert.Contains(t, text, "16 per second: 400 tokens per second")
}

func TestSearch_showsItsTrail(t *testing.T) {
	of := trials.Group{Kind: trials.Search, Scale: trials.Rate, Search: &trials.Finding{Low: 1, High: 64, Lo: 24, Hi: 25, Says: "the capacity lies between 24 and 25 per second",
		Probes: []trials.Probe{
			{Setting: 8, LengthNS: 9e10, Requests: 1200, Outcome: slo.Met, Decides: "p99 TTFT was 40 ms"},
			{Setting: 32, LengthNS: 6e10, Requests: 1900, Outcome: slo.Missed, Decides: "p99 TTFT was 4 s", Why: "given up after 1m0s"}}}}
	text := groupPage(t, of)
	assert.Contains(t, text, "The capacity lies between 24 and 25 per second")
	assert.Contains(t, text, "1 min 30 s")
	assert.Contains(t, text, "given up after 1 min")
	assert.Contains(t, text, "probe 2, 32 per second: missed")

	sought := harness.Objective{Statistic: "p99", Metric: "TTFT", Relation: harness.AtMost, Limit: .5, Text: "at most 500 ms"}
	of.Search.Objectives = []harness.Objective{sought}
	for i, value := range []float64{.04, 4} {
		of.Search.Probes[i].Verdicts = []slo.Verdict{{Objective: sought, Unit: quantity.Seconds, Value: value, Lo: value, Hi: value, Outcome: of.Search.Probes[i].Outcome}}
	}
	needed := slo.Verdict{Objective: harness.Objective{Metric: "request rate", Relation: harness.AtLeast, Limit: 20, Text: "at least 20 per second"}, Outcome: slo.Met, Unit: quantity.PerSecond, Value: 24, Lo: 24, Hi: 25}
	text = groupPage(t, of, needed)
	assert.Contains(t, text, "Met: the capacity lies between 24 and 25 per second (needed: ")
	assert.Contains(t, text, ">met up to 24</text>")
	assert.Contains(t, text, ">missed from 25</text>")
	v := open(t, text, 380, 800)
	assert.LessOrEqual(t, sees[int](v, `document.documentElement.scrollWidth`), 380)
	v.picture("search-380")
}

func TestRepeats_areDrawnBesideEachOther(t *testing.T) {
	var all []trials.Trial
	for i := range 6 {
		of := trials.Trial{Run: "run=a", Number: i/2 + 1, Other: i%2 == 1, Outcome: slo.Unknown, Figures: []trials.Figure{figure("p50 TTFT", quantity.Seconds, .02, .019, .021)}}
		all = append(all, of)
	}
	compared := slo.Verdict{Objective: harness.Objective{Statistic: "p50", Metric: "TTFT", Relation: harness.AtMost, Limit: .7}, Against: slo.AgainstOther, Outcome: slo.Met, Value: .55, Lo: .54, Hi: .56, N: 6, Medians: [2]float64{.0127, .007}}
	m := store.NewManifest("run=x", runOf(1))
	m.Judged = []store.Asked{{Kind: store.AskedOther, Rows: []harness.Objective{compared.Objective}}}
	v := reports.NewGroup(trials.Group{Kind: trials.Repeats, Trials: all}, []slo.Verdict{compared}, m)
	assert.Equal(t, "7 ms against 12.7 ms: 45.0 % better [44.0, 46.0]", v.Objectives[0].Sides)
	require.Len(t, v.Repeated, 1)
	assert.Len(t, v.Repeated[0].Lines, 2, "a line for each server")
	assert.Empty(t, v.Runs[0].Outcome, "there is nothing to judge in one run")
	var out bytes.Buffer
	require.NoError(t, reports.RenderGroup(&out, v))
	assert.Contains(t, out.String(), "From run to run")
	assert.NotContains(t, out.String(), `class="outcome unknown"`)
}
