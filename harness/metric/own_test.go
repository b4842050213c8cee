package metric_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

func TestOwn_goesWithItsRow(t *testing.T) {
	t.Parallel()
	row := func(source metric.Source, unit quantity.Unit, formula string) metric.Metric {
		return metric.Metric{Name: "my figure", Unit: unit, Better: metric.HigherIsBetter, Formula: formula, Source: source}
	}
	for _, m := range []metric.Metric{
		row(metric.Gauge{Feed: "meter", Series: "x", Over: metric.Greatest, Absent: "it was not read"}, quantity.Count, "x"),
		row(metric.Counter{Feed: metric.Server, Series: "x_total"}, quantity.Count, "x"),
		row(metric.Ratio{Part: "a_total", Whole: "b_total", Nothing: "none"}, quantity.Ratio, "a ÷ b"),
		row(metric.Histogram{Name: "h"}, quantity.Seconds, "h"),
		row(metric.Latency{From: metric.SentAt, To: metric.DoneAt}, quantity.Seconds, "end of the answer − sent"),
	} {
		own := metric.Own{m}
		require.NoError(t, own.Check())
		found, err := own.Lookup("My_Figure")
		require.NoError(t, err)
		o := harness.Objective{Metric: found.Name, Own: own.Define(found)}
		raw, err := json.Marshal(o)
		require.NoError(t, err)
		var read harness.Objective
		require.NoError(t, json.Unmarshal(raw, &read))
		assert.Equal(t, o, read)
		again, err := metric.OfRow(read)
		require.NoError(t, err)
		assert.Equal(t, m, again)
	}
	known, err := metric.Own{}.Lookup("TTFT")
	require.NoError(t, err)
	assert.Empty(t, metric.Own{}.Define(known))
}

func TestOwn_isRefusedWhereItCannotBeMeant(t *testing.T) {
	t.Parallel()
	sound := metric.Metric{Name: "my figure", Unit: quantity.Count, Formula: "x", Source: metric.Counter{Feed: metric.Server, Series: "x_total"}}
	named := sound
	named.Name = "latency"
	late := sound
	late.Source = metric.Latency{From: metric.DoneAt, To: metric.DueAt}
	function := metric.Metric{Name: "mine", Unit: quantity.Seconds, Formula: "x", Source: metric.OwnTime{Of: func(*harness.Record) time.Duration { return 0 }, Column: "x"}}
	for says, own := range map[string]metric.Own{
		"two metrics of this name": {sound, sound}, `the catalogue has a metric "E2E latency"`: {named}, "ends before it begins": {late}, "judged again without your code": {function},
	} {
		assert.ErrorContains(t, own.Check(), says)
	}
	_, err := metric.Own{sound}.Lookup("my figur")
	assert.ErrorContains(t, err, `did you mean "my figure"?`)
}
