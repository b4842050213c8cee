package reports

import (
	"cmp"

	"github.com/vllmspec/vllmspec/harness/fleet"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/stats"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// engines are the figures of each engine of a fleet; none where no engine was named. What their metrics showed stands
// beside them, where those of any of them were read by themselves.
func engines(d *chart.Drawing) (out []Figures) {
	all, requests, read := d.Engines(), 0, false
	for _, e := range all {
		_, known := d.Gauges(e.Name)
		requests, read = requests+e.Requests, read || known
	}
	for _, e := range all {
		row := Figures{Name: cmp.Or(e.Name, "not named"), Values: asked(e, requests)}
		if read {
			row.Values = append(row.Values, shownBy(d, e.Name)...)
		}
		out = append(out, row)
	}
	return out
}

// asked is what was asked of an engine, and how it answered.
func asked(e *fleet.Engine, all int) []Fact {
	return []Fact{
		{"requests", quantity.Grouped(e.Requests)}, {"share", quantity.Format(float64(e.Requests)/float64(max(1, all)), quantity.Ratio)},
		{"failed", quantity.Grouped(e.Failed)},
		{"p50 TTFT", secondsOf(&e.TTFT, .5)}, {"p95 TTFT", secondsOf(&e.TTFT, .95)},
		{"p50 E2E latency", secondsOf(&e.E2E, .5)}, {"p95 E2E latency", secondsOf(&e.E2E, .95)},
	}
}

// shownBy is what the metrics of an engine showed.
func shownBy(d *chart.Drawing, engine string) []Fact {
	running, waiting, cache := "–", "–", "–"
	if g, known := d.Gauges(engine); known {
		running, waiting, cache = quantity.Digits(g.Running), quantity.Digits(g.WaitingMost), quantity.Format(g.CacheMost, quantity.Ratio)
	}
	return []Fact{{"mean running", running}, {"max waiting", waiting}, {"max KV cache usage", cache}}
}

func secondsOf(v *stats.Values, p float64) string {
	if v.N() == 0 {
		return "–"
	}
	return quantity.Format(v.Quantile(p, 0), quantity.Seconds)
}
