package reports

import (
	"fmt"
	"math"
	"slices"

	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// curves are the plots of a sweep: how the server does at each setting.
func curves(of trials.Group) (out []chart.Plot) {
	if of.Curve == nil || len(of.Curve.Points) == 0 {
		return nil
	}
	type sweep struct {
		title, says, metric string
		unit                quantity.Unit
		figures             [2]string
	}
	plots := []sweep{
		{"Latency", "TTFT at each setting, with its 95 % intervals.", metric.NameTTFT, quantity.Seconds, [2]string{"p50 " + metric.NameTTFT, "p99 " + metric.NameTTFT}},
		{"Time per token", "TPOT at each setting, with its 95 % intervals.", metric.NameTPOT, quantity.Seconds, [2]string{"p50 " + metric.NameTPOT, "p99 " + metric.NameTPOT}},
		{"Throughput", "Requests answered per second, and good ones.", "", quantity.PerSecond, [2]string{metric.NameRequestThroughput, metric.NameGoodput}},
	}
	if of.Pooled() {
		plots = []sweep{
			{"Latency", "E2E latency at each setting, with its 95 % intervals.", metric.NameE2E, quantity.Seconds, [2]string{"p50 " + metric.NameE2E, "p99 " + metric.NameE2E}},
			{"Throughput", "Requests answered per second, and inputs.", "", quantity.PerSecond, [2]string{metric.NameRequestThroughput, metric.NameInputThroughput}},
		}
	}
	for _, plot := range plots {
		axes := chart.Axes{Title: plot.title, Says: plot.says, XName: string(of.Scale), ShowX: bare, ShowY: chart.In(plot.unit), Limits: limitsOf(of, plot.metric)}
		out = append(out, axes.Plot(pointsOf(of, plot.figures[0]), pointsOf(of, plot.figures[1])))
	}
	if of.Curve.HasKnee() {
		for i := range out {
			out[i].Mark(of.Curve.Points[of.Curve.Knee].Setting, "knee")
		}
	}
	if of.Pooled() {
		return out // no user sees tokens come
	}
	return append(out, frontier(of))
}

// limitsOf are the limits of a metric's objectives, each once.
func limitsOf(of trials.Group, name string) (limits []chart.PlotLimit) {
	for _, p := range of.Curve.Points {
		for _, v := range p.Verdicts {
			o := v.Objective
			o.Setting = ""
			limit := chart.PlotLimit{Value: v.Limit, Name: o.Name() + " " + v.Expectation()}
			if v.Metric == name && !v.Compares() && !slices.Contains(limits, limit) {
				limits = append(limits, limit)
			}
		}
	}
	return limits
}

// kneeSays says of a sweep whose throughput by latency is greatest at its first or its last setting
// that the knee lies elsewhere; "" where it is drawn.
func kneeSays(of trials.Group) string {
	if of.Curve == nil || of.Curve.Knee < 0 || of.Curve.HasKnee() {
		return ""
	}
	at := of.Scale.Quantity(of.Curve.Points[of.Curve.Knee].Setting)
	if of.Curve.Knee == 0 {
		return "No knee is drawn: it lies at " + at + " or below, where the sweep begins."
	}
	return "No knee up to " + at + ": throughput still grows faster than latency where the sweep ends."
}

func bare(v float64) string { return quantity.Format(v, quantity.Count) }

// ordinal names whole numbers only: there is no probe 1.5.
func ordinal(v float64) string {
	if v != math.Trunc(v) {
		return ""
	}
	return bare(v)
}

// pointsOf is one figure over the settings.
func pointsOf(of trials.Group, name string) chart.Points {
	line := chart.Points{Name: name, Dots: true}
	for _, p := range of.Curve.Points {
		f, ok := trials.Named(p.Figures, name)
		if !ok {
			continue
		}
		line.X = append(line.X, p.Setting)
		line.Y, line.Lo, line.Hi = append(line.Y, orNaN(f.Value)), append(line.Lo, orNaN(f.Lo)), append(line.Hi, orNaN(f.Hi))
		line.Says = append(line.Says, of.Scale.Quantity(p.Setting)+": "+written(p.Figures, name))
	}
	return line
}

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

// frontier is throughput, of one GPU where it is known how many there are, against the
// speed that one user sees.
func frontier(of trials.Group) chart.Plot {
	name, whose, gpus := "Throughput against speed", "of the server", 1.0
	if n := of.Curve.GPUs; n > 0 {
		name, whose, gpus = "Throughput per GPU against speed", fmt.Sprintf("of each of its %d GPUs", n), float64(n)
		if n == 1 {
			whose = "of its one GPU"
		}
	}
	all, best := chart.Points{Name: "all settings", Dots: true, Class: "series-7"}, chart.Points{Name: "none is better in both", Dots: true, Class: "series-2"}
	for _, p := range of.Curve.Points {
		out, ok := trials.Named(p.Figures, metric.NameOutputThroughput)
		each, told := trials.Named(p.Figures, "p50 "+metric.NameTPOT)
		if !ok || !told || out.Value == nil || each.Value == nil || *each.Value <= 0 {
			continue
		}
		for _, line := range []*chart.Points{&all, &best} {
			if line == &best && !p.Pareto {
				continue
			}
			line.X, line.Y = append(line.X, 1 / *each.Value), append(line.Y, *out.Value/gpus)
			line.Says = append(line.Says, of.Scale.Quantity(p.Setting)+": "+quantity.Format(*out.Value/gpus, quantity.TokensPerSecond))
		}
	}
	axes := chart.Axes{Title: name, Says: "Output tokens per second " + whose + ", over tokens per second that one user sees (1 ÷ p50 TPOT).",
		XName: "tokens per second for one user", ShowX: bare, ShowY: bare}
	return axes.Plot(all, best)
}

// A Probe is one setting that a search tried.
type Probe struct {
	Setting, Length, Requests, Decides, Why string
	Outcome                                 slo.Outcome
	Proof                                   bool
}

// trail is a search, probe by probe.
func trail(of trials.Group) (says string, probes []Probe, plots []chart.Plot) {
	s := of.Search
	if s == nil {
		return "", nil, nil
	}
	tried := chart.Points{Dots: true, Class: "series-7"}
	for i, p := range s.Probes {
		probes = append(probes, Probe{of.Scale.Quantity(p.Setting), spanNS(p.LengthNS), grouped(p.Requests), p.Decides, humane(p.Why), p.Outcome, p.Proof})
		tried.X, tried.Y = append(tried.X, float64(i+1)), append(tried.Y, p.Setting)
		tried.Says = append(tried.Says, fmt.Sprintf("probe %d, %s: %s", i+1, of.Scale.Quantity(p.Setting), p.Outcome))
		tried.Classes = append(tried.Classes, string(p.Outcome))
	}
	if len(s.Probes) > 0 {
		axes := chart.Axes{Title: "The trail", Says: "What was tried, one after the other: a full dot met the objectives, a ring missed one, a broken ring is not known.",
			XName: "probe", ShowX: ordinal, ShowY: bare}
		plots = append(reached(of), axes.Plot(tried))
	}
	return Sentence(s.Says), probes, plots
}
