package trials

import (
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// NewProbe is a setting as its runs so far show it; there is at least one. It is about any
// run at this setting, not about these alone: with a few runs the interval rests on the
// autocorrelation of their requests, with more of them on the differences between runs.
func NewProbe(setting float64, runs []*measure.Window, objectives []harness.Objective) *Probe {
	p := &Probe{Setting: setting, Outcome: slo.Met}
	var pooled *slo.Repeats
	for _, o := range objectives {
		v, ok := between(runs, o)
		if !ok {
			if pooled == nil {
				pooled = slo.Together(runs)
			}
			v = pooled.Judge([]harness.Objective{o})[0]
		}
		p.take(v.AnyRun())
	}
	last := runs[len(runs)-1]
	unsound := len(slo.Audit(last)) > 0
	if full := last.Saturated(); full != "" && !unsound { // else the backlog may be our own client's
		p.Outcome, p.Decides, p.Why = slo.Missed, full, ""
	}
	p.Futile = p.Outcome == slo.Unknown && unsound
	return p
}

// take adds a verdict. One that is missed decides, else one that is unknown.
func (p *Probe) take(v slo.Verdict) {
	first := len(p.Verdicts) == 0
	p.Verdicts = append(p.Verdicts, v)
	if first || p.Outcome == slo.Met && v.Outcome != slo.Met || p.Outcome == slo.Unknown && v.Outcome == slo.Missed {
		p.Outcome, p.Decides, p.Why = v.Outcome, v.Sentence(), ""
		if v.Outcome == slo.Unknown && len(v.Notes) > 0 {
			p.Why = v.Notes[0]
		}
	}
}
