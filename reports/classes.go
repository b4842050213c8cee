package reports

import (
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// sideBySide are the figures by which classes of traffic are compared.
func sideBySide() [][2]string {
	return [][2]string{{"", metric.NameRequests}, {"", metric.NameErrorRate}, {"p50", metric.NameTTFT}, {"p99", metric.NameTTFT}, {"p50", metric.NameTPOT},
		{"p99", metric.NameITL}, {"p50", metric.NameE2E}, {"p99", metric.NameE2E}, {"", metric.NameAttainment}, {"", metric.NameOutputThroughput}}
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
func figureOf(w *measure.Window, statistic, name string) Fact {
	v := slo.JudgeSoFar(w, []harness.Objective{{Statistic: statistic, Metric: name, Relation: harness.AtMost}})[0]
	return Fact{v.Name(), valueWithInterval(v)}
}
