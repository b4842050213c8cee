package trials

import (
	"cmp"
	"iter"
	"math"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// Worst is the outcome of all verdicts: one that is missed misses all. Of none it is
// unknown.
func Worst(verdicts []slo.Verdict) slo.Outcome {
	if len(verdicts) == 0 {
		return slo.Unknown
	}
	outcome := slo.Met
	for _, v := range verdicts {
		if v.Outcome == slo.Missed {
			return slo.Missed
		}
		if v.Outcome == slo.Unknown {
			outcome = slo.Unknown
		}
	}
	return outcome
}

// At are the objectives at a setting, as [Scale.At] names it.
func At(objectives []harness.Objective, setting string) (at []harness.Objective) {
	for _, o := range objectives {
		if o.Setting == "" || o.Setting == setting {
			o.Setting = setting
			at = append(at, o)
		}
	}
	return at
}

// StopLimits are the limits at which a search ends a load early: three times those that
// are sought, of objectives whose miss is certain before the end.
func StopLimits(rows []harness.Objective) (out []harness.Objective) {
	for _, o := range rows {
		if o.Relation != harness.AtMost || o.Limit == 0 || slo.Decidable(o) != nil {
			continue
		}
		o.Limit *= 3
		o.Text += ", and three times that,"
		out = append(out, o)
	}
	return out
}

// Outcome is that of one run of the group, judged by itself. In a search, which asks what any
// run at this setting would give, it is the outcome for any run. A load that a search ended
// early, at its stop limits, missed.
func (of Group) Outcome(verdicts []slo.Verdict, stopped harness.Stop, objectives []harness.Objective) slo.Outcome {
	if of.Kind == Search && stopped.Kind == harness.StopAbandoned && StopLimits(objectives) != nil {
		return slo.Missed
	}
	if of.Kind == Search {
		anyRun := make([]slo.Verdict, len(verdicts))
		for i, v := range verdicts {
			anyRun[i] = v.AnyRun()
		}
		return Worst(anyRun)
	}
	return Worst(verdicts)
}

// points are the runs at each setting of a sweep: the first, and the one after the last.
func (of Group) points() iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		for from, to := 0, 0; from < len(of.Trials); from = to {
			for to = from; to < len(of.Trials) && of.Trials[to].Setting == of.Trials[from].Setting; to++ {
			}
			if !yield(from, to) {
				return
			}
		}
	}
}

// DrawCurve makes the curve of a sweep from its runs.
func (of *Group) DrawCurve(windows []*measure.Window, objectives []harness.Objective, gpus int) {
	var points []Point
	for from, to := range of.points() {
		together, setting := slo.Together(windows[from:to]), of.Trials[from].Setting
		p := Point{Setting: setting, Figures: Figures(together), Verdicts: together.Judge(At(objectives, of.Scale.At(setting)))}
		p.Outcome = Worst(p.Verdicts)
		for i, t := range of.Trials[from:to] {
			p.Runs, p.Requests = append(p.Runs, t.Run), p.Requests+t.Requests
			if w := windows[from+i]; len(slo.Audit(w)) == 0 { // else the backlog may be our own client's
				p.Saturated = cmp.Or(p.Saturated, w.Saturated())
			}
		}
		points = append(points, p)
	}
	of.Curve = NewCurve(points, gpus)
}

// JudgePoints answers rows at each setting of a sweep, or at the one that they are
// about. The i-th window is that of the i-th run.
func (of Group) JudgePoints(windows []*measure.Window, rows []harness.Objective) (verdicts []slo.Verdict) {
	for from, to := range of.points() {
		if at := At(rows, of.Scale.At(of.Trials[from].Setting)); len(at) > 0 {
			verdicts = append(verdicts, slo.Together(windows[from:to]).Judge(at)...)
		}
	}
	return verdicts
}

// Probe is a setting of a search as its runs show it. It is missed where its last run was
// ended early, at the stop limits.
func (of Group) Probe(setting float64, windows []*measure.Window, objectives []harness.Objective, last harness.Stop) *Probe {
	p := NewProbe(setting, windows, objectives)
	if last.Kind == harness.StopAbandoned {
		p.Outcome, p.Ended, p.Decides, p.Why = slo.Missed, true, last.Detail, last.String()
	}
	return p
}

// Again is the finding of a search, judged from its runs once more. Which settings it tried,
// and why it ended, stay as they were.
func (of Group) Again(windows func(runs []string) ([]*measure.Window, harness.Stop)) *Finding {
	f := *of.Search
	f.Probes = []Probe{}
	for _, before := range of.Search.Probes {
		measured, last := windows(before.Runs)
		p := of.Probe(before.Setting, measured, f.Objectives, last)
		p.Runs, p.LengthNS, p.Requests, p.Proof, p.Tries = before.Runs, before.LengthNS, before.Requests, before.Proof, before.Tries
		f.Probes = append(f.Probes, *p)
	}
	f.bound()
	f.Says = Bisection{Low: f.Low, High: f.High, Scale: of.Scale}.says(&f)
	return &f
}

// bound finds the ends of the answer in the probes.
func (f *Finding) bound() {
	f.Lo, f.Hi = 0, 0
	for _, p := range f.Probes {
		switch {
		case p.Outcome == slo.Met:
			f.Lo = max(f.Lo, p.Setting)
		case p.Outcome == slo.Missed && (f.Hi == 0 || p.Setting < f.Hi):
			f.Hi = p.Setting
		}
	}
}

// Capacity is the verdict on the answer of a search: its value is the highest setting that
// met the objectives. It is unknown where the search did not come to its end.
func (of Group) Capacity(least float64) slo.Verdict {
	v := slo.Verdict{Value: math.NaN(), Lo: math.Inf(-1), Hi: math.Inf(1), Unit: quantity.PerSecond, Outcome: slo.Unknown}
	v.Metric, v.Relation, v.Limit = "request rate that meets them", harness.AtLeast, least
	if of.Scale == Users {
		v.Metric, v.Unit = "number of users that meets them", quantity.Count
	}
	v.Statistic = "highest"
	v.Text = v.Name() + " at least " + of.Scale.Quantity(least)
	f := of.Search
	if f == nil {
		v.Notes = []string{"the search did not come to an end"}
		return v
	}
	v.Notes = []string{f.Says, f.Ended}
	if f.Lo > 0 { // else nothing was seen to meet them
		v.Value, v.Lo = f.Lo, f.Lo
		for _, p := range f.Probes {
			v.N += p.Requests
		}
	}
	if f.Hi > 0 {
		v.Hi = f.Hi
	}
	switch {
	case f.Lo >= least:
		v.Outcome = slo.Met
	case f.Hi > 0 && f.Hi <= least:
		v.Outcome = slo.Missed
	}
	return v
}
