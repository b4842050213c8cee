package steps

import (
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/past"
)

// complete reads the rest of what a scenario says: what is asked, and what will be judged.
func (w *world) complete() (err error) {
	if w.scenario.Dataset, err = w.dataset(); err != nil {
		return err
	}
	if w.scenario.Interface, err = w.workload.overInterface(); err != nil {
		return err
	}
	return w.lookAhead()
}

// plan is what the sentences said.
func (w *world) plan(design experiment.Design) experiment.Plan {
	p := experiment.Plan{Scenario: w.scenario, Feature: w.feature(), Target: w.target, Design: design, Virtual: w.Virtual,
		Questions: w.expected, Comparisons: w.comparisons, EarlyStop: w.measurement.abandon, FixedWarmup: w.measurement.warmUpSaid,
		Timeout: w.patience.answer, Grace: w.patience.after,
		Chats: w.workload.chats, LaterTurns: w.workload.hasTurns(), Prompt: w.workload.prompt, Answer: w.workload.answer,
		Adapters: w.workload.adaptersAsked(), Files: w.workload.files.String()}
	p.Remarks, p.Warnings = w.workload.remarks()
	switch {
	case w.arms.compares && w.arms.second != nil:
		p.Other = w.arms.second
	case w.arms.compares:
		p.Other = &experiment.Target{Model: w.target.Model}
	}
	return p
}

// feature is what says which runs are of this scenario.
func (w *world) feature() *experiment.Feature {
	var tags []string
	for _, tag := range w.pickle.Tags {
		tags = append(tags, tag.Name)
	}
	return past.FeatureOf(w.Title, tags...)
}

// remarks are what a reader should know of the files before the load, and what of it belongs to the
// warnings of a run.
func (work *workload) remarks() (remarks, warnings []string) {
	if work.trace != nil {
		remarks, warnings = work.trace.Remarks(), work.trace.Warnings()
	}
	for _, file := range work.open {
		if remarking, ok := file.(interface {
			Remarks() []string
			Warnings() []string
		}); ok {
			remarks, warnings = append(remarks, remarking.Remarks()...), append(warnings, remarking.Warnings()...)
		}
	}
	return remarks, warnings
}

// hasTurns reports whether conversations have later turns, which find their own history in
// the prefix cache.
func (work *workload) hasTurns() bool { return work.turns > 1 || work.severalTurns }
