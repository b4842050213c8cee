package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// aloneOutcome is that of one run of several by itself; "" where its scenario only compares runs, so that
// there is nothing to judge in one.
func aloneOutcome(t trials.Trial, m store.Manifest) slo.Outcome {
	compares := func(of store.Asked) bool { return of.Kind == store.AskedBaseline || of.Kind == store.AskedOther }
	if len(m.Judged) > 0 && !slices.ContainsFunc(m.Judged, func(of store.Asked) bool { return !compares(of) }) {
		return ""
	}
	return t.Outcome
}

// answered is the answer of a search and what was needed; "" where there is none.
func answered(of trials.Group, verdicts []slo.Verdict) string {
	if of.Search == nil || of.Search.Lo == 0 && of.Search.Hi == 0 || len(verdicts) != 1 {
		return ""
	}
	return of.Search.Says + " (needed: " + verdicts[0].Expectation() + ")."
}

// repeated draws figures of repeats, one after the other: how much runs differ, and where two servers took
// turns by how much these do.
func repeated(of trials.Group, names []string) (out []chart.Plot) {
	if of.Kind != trials.Repeats || len(of.Trials) < 2 {
		return nil
	}
	for _, name := range names {
		own, other := ofTrials(of, name, false), ofTrials(of, name, true)
		if len(own.X) < 2 || name == metric.NameErrorRate {
			continue
		}
		if own.Name = ""; len(other.X) > 0 {
			own.Name, other.Name = "this server", "the other server"
		}
		f, _ := trials.Named(of.Trials[0].Figures, name)
		axes := chart.Axes{Title: name, Says: "Each repeat, with its 95 % interval where there is one.", XName: "repeat", ShowX: ordinal, ShowY: chart.In(f.Unit)}
		out = append(out, axes.Plot(own, other))
	}
	return out
}

// ofTrials is a figure of the runs of one server.
func ofTrials(of trials.Group, name string, other bool) chart.Points {
	line := chart.Points{Dots: true}
	for _, t := range of.Trials {
		f, known := trials.Named(t.Figures, name)
		if !known || t.Other != other {
			continue
		}
		line.X = append(line.X, float64(t.Number))
		line.Y, line.Lo, line.Hi = append(line.Y, orNaN(f.Value)), append(line.Lo, orNaN(f.Lo)), append(line.Hi, orNaN(f.Hi))
		line.Says = append(line.Says, fmt.Sprintf("repeat %d: %s", t.Number, written(t.Figures, name)))
	}
	return line
}

// reached draws the runs of a search over what they were made at, with the limit that was sought, the answer
// and what was needed.
func reached(of trials.Group) (plots []chart.Plot) {
	for _, sought := range of.Search.Objectives {
		line := chart.Points{Dots: true, Class: "series-7"}
		probes := slices.Clone(of.Search.Probes)
		slices.SortFunc(probes, func(a, b trials.Probe) int { return int(a.Setting*1000) - int(b.Setting*1000) })
		unit, limit := quantity.Unit(""), ""
		for _, p := range probes {
			for _, v := range p.Verdicts {
				if v.Name() != sought.Name() {
					continue
				}
				unit, limit = v.Unit, v.Expectation()
				line.X, line.Y = append(line.X, p.Setting), append(line.Y, v.Value)
				line.Lo, line.Hi = append(line.Lo, v.Lo), append(line.Hi, v.Hi)
				line.Says = append(line.Says, of.Scale.Quantity(p.Setting)+": "+strings.TrimSpace(valueWithInterval(v)))
				line.Classes = append(line.Classes, string(p.Outcome))
			}
		}
		if len(line.X) < 2 || unit != quantity.Seconds {
			continue
		}
		axes := chart.Axes{Title: sought.Name(), Says: "Of each setting that was tried, with its 95 % interval: a full dot met the objectives, a ring missed one, a broken ring is not known.",
			XName: string(of.Scale), ShowX: bare, ShowY: chart.In(unit), Limits: []chart.PlotLimit{{Value: sought.Limit, Name: limit}}}
		plot := axes.Plot(line)
		if of.Search.Lo > 0 {
			plot.Mark(of.Search.Lo, "met up to "+bare(of.Search.Lo))
		}
		if of.Search.Hi > 0 {
			plot.Mark(of.Search.Hi, "missed from "+bare(of.Search.Hi))
		}
		plots = append(plots, plot)
	}
	return plots
}
