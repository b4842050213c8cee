package experiment

import (
	"fmt"
	"path"
	"strings"

	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/history"
	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/past"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
)

// Judge answers a question, and keeps it, by which a stored run can be judged again.
func (e *Experiment) Judge(asked Question) ([]slo.Verdict, error) { return e.judge(asked, nil) }

func (e *Experiment) judge(asked Question, base *store.Baseline) ([]slo.Verdict, error) {
	e.session.reach(Judging)
	verdicts, err := e.runs().Answer(asked, base)
	if err != nil {
		return nil, err
	}
	judged, all := &e.last.judged, &e.last.verdicts
	if e.group != nil {
		judged, all = &e.group.judged, &e.group.verdicts
	}
	*judged, *all = append(*judged, asked), append(*all, verdicts...)
	return verdicts, nil
}

// Verdicts are all that were given so far.
func (e *Experiment) Verdicts() []slo.Verdict {
	switch {
	case e.group != nil:
		return e.group.verdicts
	case e.last != nil:
		return e.last.verdicts
	}
	return nil
}

// runs are what the verdicts rest on.
func (e *Experiment) runs() *judge.Runs {
	runs := &judge.Runs{Labels: e.scenario.Labels, Good: e.scenario.Good, Ledgers: e.ledgers,
		OwnCache: e.scenario.Cache == nil && !e.scenario.Leftovers}
	if e.group == nil {
		window := e.last.measured()
		runs.Windows, runs.Observed = []*measure.Window{window}, map[*measure.Window]*diagnose.Observer{window: e.last.observer}
		return runs
	}
	runs.Group, runs.Windows, runs.Others, runs.Observed = &e.group.Group, e.group.windows, e.group.others, e.group.observed
	return runs
}

// Against judges rows against runs of another time. The folder of the run gets a copy of them, so that its
// verdicts are a function of the folder. Where no such run is stored, the rows are unknown.
func (e *Experiment) Against(p past.Reference, asked Question) ([]slo.Verdict, error) {
	m := store.Manifest{Scenario: store.Scenario{Name: e.scenario.Name, Where: e.scenario.Where}, Feature: e.plan.Feature, Server: e.one.stored()}
	of, err := p.Find(past.Scenario{Name: e.scenario.Name, Identity: history.IdentityOf(m), Labels: e.scenario.Labels, Ask: e.session.Past,
		Renew: func(file string) string { return e.session.makeBaseline(e.folder(), file) }})
	if err != nil {
		return nil, err
	}
	asked.Kind, asked.Baseline, asked.Unpaired = Baseline, of.Name, of.Unpaired
	if of.Base == nil {
		return e.judge(asked, nil)
	}
	if unlike := of.Base.Unlike(e.scenario.Labels); unlike != nil {
		return nil, fmt.Errorf("unlike runs are not compared: since %s, %s. If that is as it should be, %s", of.Since, differing(unlike), of.Anew)
	}
	asked.File = of.Copy
	if err := e.folder().WriteFile(asked.File, of.Raw); err != nil {
		return nil, err
	}
	return e.judge(asked, of.Base)
}

// folder is that of the run, or of all of them together.
func (e *Experiment) folder() *store.Folder {
	if e.group != nil {
		return e.group.folder
	}
	return e.last.folder
}

// makeBaseline is the command that makes this run a baseline.
func (s *Session) makeBaseline(of *store.Folder, file string) string {
	file = s.fromRoot(file)
	return fmt.Sprintf("mkdir -p %s && cp %s %s", store.ShellQuoted(path.Dir(file)), store.ShellQuoted(path.Join(s.fromRoot(of.Path()), "bench.txt")), store.ShellQuoted(file))
}

func differing(differences []store.Difference) string {
	var parts []string
	for _, d := range differences {
		parts = append(parts, d.String())
	}
	return strings.Join(parts, "; ")
}
