package reports

import (
	"fmt"
	"math"

	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// curves are the plots of a sweep: how the server does at each setting.
func curves(of trials.Group) (out []Plot) {
	if of.Curve == nil || len(of.Curve.Points) == 0 {
		return nil
	}
	latency := newPlot("Latency", "TTFT at each setting, with its 95 % intervals.", string(of.Scale), false, bare, in(quantity.Seconds),
		pointsOf(of, "p50 TTFT"), pointsOf(of, "p99 TTFT"))
	perToken := newPlot("Time per token", "TPOT at each setting, with its 95 % intervals.", string(of.Scale), false, bare, in(quantity.Seconds),
		pointsOf(of, "p50 TPOT"), pointsOf(of, "p99 TPOT"))
	throughput := newPlot("Throughput", "Requests answered per second, and good ones.", string(of.Scale), false, bare, in(quantity.PerSecond),
		pointsOf(of, "request throughput"), pointsOf(of, "goodput"))
	out = []Plot{latency, perToken, throughput}
	if knee := of.Curve.Knee; knee >= 0 {
		at := of.Curve.Points[knee].Setting
		for i := range out {
			out[i].Marks = []PlotTick{{out[i].place(of, at), "knee"}}
		}
	}
	return append(out, frontier(of))
}

func bare(v float64) string { return quantity.Format(v, quantity.Count) }

// place is where a setting stands: between the ends of the settings.
func (p Plot) place(of trials.Group, setting float64) float64 {
	points := of.Curve.Points
	x := axis{points[0].Setting, points[len(points)-1].Setting, plotLeft, plotWide - plotRight, false}
	if x.high <= x.low {
		x.low, x.high = x.low*.9, x.high*1.1+1e-9
	}
	return x.at(setting)
}

// ordinal names whole numbers only: there is no probe 1.5.
func ordinal(v float64) string {
	if v != math.Trunc(v) {
		return ""
	}
	return bare(v)
}

// pointsOf is one figure over the settings.
func pointsOf(of trials.Group, name string) xy {
	line := xy{name: name, dots: true}
	for _, p := range of.Curve.Points {
		f, ok := trials.Named(p.Figures, name)
		if !ok {
			continue
		}
		line.x = append(line.x, p.Setting)
		line.y, line.lo, line.hi = append(line.y, orNaN(f.Value)), append(line.lo, orNaN(f.Lo)), append(line.hi, orNaN(f.Hi))
		line.says = append(line.says, of.Scale.Quantity(p.Setting)+": "+written(p.Figures, name))
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
func frontier(of trials.Group) Plot {
	name, whose, gpus := "Throughput against speed", "of the server", 1.0
	if n := of.Curve.GPUs; n > 0 {
		name, whose, gpus = "Throughput per GPU against speed", fmt.Sprintf("of each of its %d GPUs", n), float64(n)
		if n == 1 {
			whose = "of its one GPU"
		}
	}
	all, best := xy{name: "all settings", dots: true, className: "series-7"}, xy{name: "none is better in both", dots: true, className: "series-2"}
	for _, p := range of.Curve.Points {
		out, ok := trials.Named(p.Figures, "output throughput")
		each, told := trials.Named(p.Figures, "p50 TPOT")
		if !ok || !told || out.Value == nil || each.Value == nil || *each.Value <= 0 {
			continue
		}
		for _, line := range []*xy{&all, &best} {
			if line == &best && !p.Pareto {
				continue
			}
			line.x, line.y = append(line.x, 1 / *each.Value), append(line.y, *out.Value/gpus)
			line.says = append(line.says, of.Scale.Quantity(p.Setting)+": "+quantity.Format(*out.Value/gpus, quantity.TokensPerSecond))
		}
	}
	return newPlot(name, "Output tokens per second "+whose+", over tokens per second that one user sees (1 ÷ p50 TPOT).",
		"tokens per second for one user", false, bare, bare, all, best)
}

// A Probe is one setting that a search tried.
type Probe struct {
	Setting, Length, Requests, Decides, Why string
	Outcome                                 slo.Outcome
	Proof                                   bool
}

// trail is a search, probe by probe.
func trail(of trials.Group) (says string, probes []Probe, plots []Plot) {
	s := of.Search
	if s == nil {
		return "", nil, nil
	}
	tried := xy{name: "", dots: true, className: "series-7"}
	for i, p := range s.Probes {
		probes = append(probes, Probe{of.Scale.Quantity(p.Setting), spanNS(p.LengthNS), grouped(p.Requests), p.Decides, humane(p.Why), p.Outcome, p.Proof})
		tried.x, tried.y = append(tried.x, float64(i+1)), append(tried.y, p.Setting)
		tried.says = append(tried.says, fmt.Sprintf("probe %d, %s: %s", i+1, of.Scale.Quantity(p.Setting), p.Outcome))
		tried.classes = append(tried.classes, string(p.Outcome))
	}
	if len(s.Probes) > 0 {
		plots = []Plot{newPlot("The trail", "What was tried, one after the other: a full dot met the objectives, a ring missed one, a broken ring is not known.", "probe", false, ordinal, bare, tried)}
	}
	return Sentence(s.Says), probes, plots
}
