// Package judge answers the expectations of a scenario from its runs: as they were
// just measured, or read back from their folders. There is one way to a verdict, so
// that a stored run judged again gives the verdicts that it has.
package judge

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/reconcile"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// Runs are the runs of one scenario, as far as verdicts rest on them.
type Runs struct {
	Labels   map[string]string // of the scenario
	Good     []harness.Objective
	OwnCache bool                                   // nothing that earlier runs left in the server's prefix cache is to be found
	Windows  []*measure.Window                      // in the order in which they were made
	Others   []*measure.Window                      // of the second server
	Ledgers  []*ledger.Ledger                       // of every run, on both servers
	Observed map[*measure.Window]*diagnose.Observer // of runs that were observed when they were read; others are read again where a row was missed
	Group    *trials.Group                          // nil: the scenario is one run
}

// Answer judges rows that belong together. base are the runs of the baseline; nil
// where the rows ask for none.
func (r *Runs) Answer(asked store.Asked, base *store.Baseline) ([]slo.Verdict, error) {
	switch asked.Kind {
	case store.AskedObjectives:
		return r.objectives(asked.Rows)
	case store.AskedAgreement:
		var verdicts []slo.Verdict
		for _, o := range asked.Rows {
			verdicts = append(verdicts, reconcile.JudgeWorst(o, r.Ledgers))
		}
		return verdicts, nil
	case store.AskedBaseline:
		return r.withBaseline(asked, base)
	case store.AskedOther:
		return r.withOther(asked.Rows)
	case store.AskedCapacity:
		return r.capacity(asked.Rows)
	}
	return nil, fmt.Errorf("rows of the kind %q are not known to this version", asked.Kind)
}

// objectives are answered by all runs together, or of a sweep at each of its points.
func (r *Runs) objectives(rows []harness.Objective) ([]slo.Verdict, error) {
	if len(r.Windows) == 0 {
		return nil, errors.New("there is nothing to judge: no run was made to its end")
	}
	if r.Group != nil && r.Group.Kind == trials.Sweep {
		return r.Group.JudgePoints(r.Windows, rows), nil
	}
	verdicts := slo.Together(r.Windows).Judge(rows)
	r.leaveOpen(verdicts)
	diagnose.ExplainObserved(verdicts, r.observers()...)
	return verdicts, nil
}

func (r *Runs) observers() (out []*diagnose.Observer) {
	for _, w := range r.Windows {
		e := r.Observed[w]
		if e == nil {
			e = diagnose.NewObserver(w)
		}
		out = append(out, e)
	}
	return out
}

// withBaseline holds the runs against those of another time.
func (r *Runs) withBaseline(asked store.Asked, base *store.Baseline) ([]slo.Verdict, error) {
	if base == nil {
		var verdicts []slo.Verdict
		for _, o := range asked.Rows {
			verdicts = append(verdicts, slo.Unanswered(o, fmt.Sprintf("there is nothing to compare with: no run of this scenario that came to its end is stored among %s", asked.Baseline)))
		}
		return verdicts, nil
	}
	of := func(o harness.Objective) ([]float64, error) {
		values, err := base.Values(measure.FigureName(o))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.Where, err)
		}
		return values, nil
	}
	verdicts, err := r.compare(asked.Rows, slo.AgainstBaseline, !asked.Unpaired, of)
	if r.Labels["server"] == "real" && r.Labels["gpu"] == "" { // nor have theirs, or they were unlike
		for i := range verdicts {
			verdicts[i].Notes = append(verdicts[i].Notes, "no GPU could be read on either side: whether it is the same one is unknown")
		}
	}
	slo.Void(verdicts, append(r.leftInBaseline(asked.Baseline, base), foundIn(r.Windows)...), r.Good)
	return verdicts, err
}

// leftInBaseline finds that the runs of a baseline found more in the prefix cache than
// this workload can explain: they were fast because others had asked the same.
func (r *Runs) leftInBaseline(name string, base *store.Baseline) []slo.Finding {
	rates, err := base.Values(measure.FigureName(metric.OfSeries(vllm.PrefixCacheHits).Objective("")))
	if !r.OwnCache || err != nil { // it has none
		return nil
	}
	most := 0.0
	for _, window := range r.Windows {
		explained, known := window.Shareable()
		if !known {
			return nil
		}
		most = max(most, explained)
	}
	if was := slices.Max(rates); was > most+measure.HitsElsewhere {
		return []slo.Finding{{Voids: slo.CachedWork, Text: fmt.Sprintf("the baseline %q found %s of its prompt tokens in the server's prefix cache, and its own prompts explain %s at most: an earlier run had asked the same; make it anew",
			name, quantity.Format(was, quantity.Ratio), quantity.Format(most, quantity.Ratio))}}
	}
	return nil
}

// withOther holds the runs against those on the second server.
func (r *Runs) withOther(rows []harness.Objective) ([]slo.Verdict, error) {
	verdicts, err := r.compare(rows, slo.AgainstOther, true, func(o harness.Objective) ([]float64, error) { return figures(r.Others, o) })
	slo.Void(verdicts, foundIn(slices.Concat(r.Windows, r.Others)), r.Good)
	return verdicts, err
}

func (r *Runs) compare(rows []harness.Objective, against slo.Reference, paired bool, theirs func(harness.Objective) ([]float64, error)) ([]slo.Verdict, error) {
	var table []compare.Row
	for _, o := range rows {
		row := compare.Row{Objective: o, Against: against, Paired: paired, Beside: func(o harness.Objective) (of, now []float64) {
			of, _ = theirs(o)
			now, _ = figures(r.Windows, o)
			return of, now
		}}
		var err error
		if row.Base, err = theirs(o); err != nil {
			return nil, err
		}
		if row.Now, err = figures(r.Windows, o); err != nil {
			return nil, err
		}
		table = append(table, row)
	}
	return compare.Judge(table), nil
}

// figures are what a row is about, of each run.
func figures(windows []*measure.Window, o harness.Objective) (values []float64, err error) {
	for _, window := range windows {
		f, err := window.Figure(o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.Where, err)
		}
		values = append(values, f.Value)
	}
	return values, nil
}

// leaveOpen makes rows of repeats unknown where fewer repeats were made than were asked
// for. A row that those missed stays missed.
func (r *Runs) leaveOpen(verdicts []slo.Verdict) {
	if r.Group == nil || r.Group.Kind != trials.Repeats || len(r.Windows) >= r.Group.Planned {
		return
	}
	for i := range verdicts {
		if verdicts[i].Outcome == slo.Met {
			slo.Void(verdicts[i:i+1], []slo.Finding{{Voids: slo.WholeRun, Text: fmt.Sprintf("only %d of %d repeats were made", len(r.Windows), r.Group.Planned)}}, r.Good)
		}
	}
}

// foundIn is what was found in any of these runs, each once.
func foundIn(windows []*measure.Window) (found []slo.Finding) {
	for _, window := range windows {
		for _, f := range slo.Audit(window) {
			if !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
	}
	return found
}

func (r *Runs) capacity(rows []harness.Objective) ([]slo.Verdict, error) {
	if r.Group == nil || r.Group.Kind != trials.Search {
		return nil, errors.New("nothing was sought")
	}
	var verdicts []slo.Verdict
	for _, o := range rows {
		v := r.Group.Capacity(o.Limit)
		v.Where = o.Where
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}
