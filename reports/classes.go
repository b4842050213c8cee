package reports

import (
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// sideBySide are the figures by which classes of traffic are compared.
func sideBySide() [][2]string {
	return [][2]string{{"", "requests"}, {"", "error rate"}, {"p50", "TTFT"}, {"p99", "TTFT"}, {"p50", "TPOT"}, {"p99", "ITL"},
		{"p50", "E2E latency"}, {"p99", "E2E latency"}, {"", "attainment"}, {"", "output throughput"}}
}

// classes are the figures of each class of traffic; none where there are no classes.
func classes(measured *measure.Window) (out []Figures) {
	for _, name := range measured.Classes() {
		row := Figures{Name: name}
		for _, f := range sideBySide() {
			row.Values = append(row.Values, figureOf(measured.Of(name), f[0], f[1]))
		}
		out = append(out, row)
	}
	return out
}

// figureOf is one figure with its interval, as a verdict has it.
func figureOf(w *measure.Window, statistic, metric string) Fact {
	v := slo.JudgeSoFar(w, []harness.Objective{{Statistic: statistic, Metric: metric, Relation: harness.AtMost}})[0]
	return Fact{v.Name(), valueWithInterval(v)}
}
