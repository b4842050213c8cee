package measure

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// The energy that the server's GPUs took, by their own counters. A figure of it
// stands only where it is the server's alone, and known from one end of the measured
// window to the other.

// energy is that of all GPUs, or that by an amount.
func energy(w *Window, of metric.Energy) Estimate {
	switch of.Per {
	case metric.OutputTokens:
		if !w.told || w.tokens == 0 {
			return without("no output token was counted in the measured window")
		}
		return gpuEnergy(w).per(w.tokens)
	case metric.Good:
		if w.Good == 0 {
			return without("no request was good")
		}
		return gpuEnergy(w).per(float64(w.Good))
	}
	return gpuEnergy(w)
}

// per is an estimate ÷ an amount.
func (e Estimate) per(amount float64) Estimate {
	e.Value, e.Lo, e.Hi = e.Value/amount, e.Lo/amount, e.Hi/amount
	return e
}

// A gpu is the energy counter of one GPU, in joules, as it goes through the window;
// and who used it.
type gpu struct {
	name       string
	from, to   time.Duration
	last       point // the last value that was another one than that before
	begin, end point // of the window, between two values in proportion to time
	begun      bool
	counted    bool // there was a value at all
	fell       bool // the counter began again
	renewals   int  // values inside the window

	processes, others float64 // at most; Unreported
	split             bool    // into instances
}

// takeGPU takes what energy rests on.
func (w *Sampled) takeGPU(s harness.Sample) {
	if s.Series == "gpu_pod_info" {
		w.pods[s.Labels["pod"]] = true
		return
	}
	labels := maps.Clone(s.Labels)
	board, _, isInstance := strings.Cut(labels["gpu"], "/")
	if isInstance {
		labels["gpu"] = board
	}
	k := ledger.LabelKey(labels)
	of := w.gpus[k]
	if of == nil {
		of = &gpu{name: nameOf(labels), from: w.from, to: w.to, processes: harness.Unreported, others: harness.Unreported}
		w.gpus[k] = of
	}
	of.split = of.split || isInstance
	switch s.Series {
	case "gpu_energy_joules":
		of.count(point{s.At, s.Value})
	case "gpu_processes":
		of.processes = max(of.processes, s.Value)
	case "gpu_other_processes":
		of.others = max(of.others, s.Value)
	case "gpu_mig_instances":
		of.split = true
	}
}

func nameOf(labels map[string]string) string {
	if host := labels["host"]; host != "" {
		return "GPU " + labels["gpu"] + " of " + host
	}
	return "GPU " + labels["gpu"]
}

// count takes a value of the counter. An exporter renews it every now and then, and
// in between repeats itself: only what is new says how much was taken by then.
func (g *gpu) count(now point) {
	before := g.last
	switch {
	case !g.counted:
		g.counted = true
	case now.v == before.v:
		return
	case now.v < before.v:
		g.fell = g.fell || now.at > g.from && g.end.at < g.to
	}
	g.last = now
	switch {
	case now.at <= g.from:
		g.begin, g.end, g.begun = now, now, true
		return
	case !g.begun:
		g.begin, g.begun = now, true
	case g.begin.at < g.from:
		g.begin = between(before, now, g.from)
	}
	if now.at <= g.to {
		g.end = now
		g.renewals++
	} else if g.end.at < g.to {
		g.end = between(before, now, g.to)
	}
}

// between is the value at an instant that lies between two others.
func between(a, b point, at time.Duration) point {
	return point{at, a.v + (b.v-a.v)*float64(at-a.at)/float64(b.at-a.at)}
}

// What a figure of energy tolerates.
const (
	renewalsLeast = 5    // values of the counter inside the window
	energyLeast   = 0.95 // share of the window that lies between the first and the last of them
)

// joules is what the GPU took in the window, or why that is not known.
func (g *gpu) joules() (float64, string) {
	name := g.name
	covered := float64(g.end.at-g.begin.at) / float64(g.to-g.from)
	switch {
	case !g.counted:
		return 0, name + " has no energy counter, or its exporter does not tell it"
	case g.split:
		return 0, name + " is split into instances (MIG), and its energy counter is that of all of them"
	case g.others > 0 || g.others == harness.Unreported && g.processes > 1:
		return 0, fmt.Sprintf("other programs used %s too: it had up to %s processes", name, quantity.Digits(g.processes))
	case g.fell:
		return 0, "the energy counter of " + name + " began again during the run: was its driver loaded anew?"
	case g.renewals < renewalsLeast:
		return 0, fmt.Sprintf("the energy counter of %s was renewed only %s in the measured window: make the load longer, or its exporter's interval shorter (dcgm-exporter -c 1000)", name, quantity.Counted(g.renewals, "time"))
	case covered < energyLeast:
		return 0, fmt.Sprintf("the energy counter of %s is known for only %s of the measured window", name, quantity.Format(covered, quantity.Ratio))
	}
	return (g.end.v - g.begin.v) / covered, ""
}

// gpuEnergy is that of all GPUs, or why it is not known.
func gpuEnergy(w *Window) Estimate {
	if len(w.parts) > 0 {
		return energyOf(w.parts)
	}
	if len(w.Sampled.gpus) == 0 {
		why, _ := w.Sampled.absent(metric.GPU, "any energy", metric.UsualAbsence(metric.GPU))
		return without(why)
	}
	if gaps := w.Sampled.gaps("gpu"); gaps != "" {
		return without(gaps)
	}
	e := exact(0, 0)
	unseen := false
	for _, labels := range slices.Sorted(maps.Keys(w.Sampled.gpus)) {
		g := w.Sampled.gpus[labels]
		joules, reason := g.joules()
		if reason != "" {
			return without(reason)
		}
		e.Value += joules
		e.N += g.renewals
		unseen = unseen || g.processes <= 0
	}
	e.Lo, e.Hi = e.Value, e.Value
	if unseen {
		e.Notes = []string{"whether other programs used the GPUs too is unknown"}
	}
	e.Notes = append(e.Notes, w.Sampled.ofPods("gpu")...)
	return e
}

// energyOf several runs is known where that of each is.
func energyOf(parts []*Window) Estimate {
	all := exact(0, 0)
	for _, part := range parts {
		e := gpuEnergy(part)
		if e.Reason != "" {
			return e
		}
		all.Value, all.N, all.Notes = all.Value+e.Value, all.N+e.N, e.Notes
	}
	all.Lo, all.Hi = all.Value, all.Value
	return all
}
