package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/sampler"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/live"
)

// A world is one scenario as its sentences have described it so far, and what
// came of running it.
type world struct {
	suite    *Suite
	scenario harness.Scenario
	target   target
	workload workload
	load     loadWords

	pickle     *godog.Scenario
	failedAt   string              // the id of the first step that failed
	step       *godog.Step         // being run: where its rows stand in the file
	abandon    []harness.Objective // the run is not worth its time once one is missed
	givenUp    bool                // the scenario says that it is abandoned
	served     served
	gpus       []sampler.GPU // of the server, that were watched
	seeded     bool          // the scenario says its seed
	warmUpSaid bool          // by the scenario; else it is found in the run
	repeats    int           // 0: not said

	audited     []*slo.Accounts     // of client and server, of every run
	comparisons []harness.Objective // rows that other runs are held against
	sides       sides
	scale       trials.Scale // of a sweep or a search
	settings    []float64    // of a sweep
	sought      []float64    // from and to, of a search
	each        string       // how long each run of a sweep or a search lasts; "": as its objectives need
	atMost      time.Duration
	at          string              // the setting that objectives are being read of; "": all there are
	hopeless    []harness.Objective // a run that misses one of these is ended early, and that is no error

	trial               // the run that is on, or the last one
	whole *whole        // nil: the scenario is one run
	told  *reports.Told // nil: it did not come to be judged
}

// A trial is one run of the scenario, and what came of it.
type trial struct {
	about    *store.Trial // nil: it is the only one
	run      *harness.Run
	window   *slo.Window
	folder   *store.Folder
	verdicts []slo.Verdict
	warnings []string
	accounts *slo.Accounts // of client and server
	facts    *store.Facts  // that samples tell
	view     reports.View  // once it has ended
	watch    *live.Watch   // shows it while it goes on; nil where nobody could look
	unwatch  context.CancelFunc
}

// register gives each scenario a world of its own.
func (s *Suite) register(sc *godog.ScenarioContext) {
	w := &world{suite: s}
	sc.Before(func(ctx context.Context, pickle *godog.Scenario) (context.Context, error) {
		w.pickle = pickle
		w.scenario.Name = pickle.Name
		s.named[pickle.Name]++
		w.scenario.Where = s.where(pickle.AstNodeIds)
		w.scenario.Seed = seedOf(pickle.Name)
		return ctx, nil
	})
	sc.StepContext().Before(func(ctx context.Context, step *godog.Step) (context.Context, error) {
		w.step = step
		return ctx, nil
	})
	sc.StepContext().After(func(ctx context.Context, step *godog.Step, status godog.StepResultStatus, err error) (context.Context, error) {
		if status == godog.StepFailed && w.failedAt == "" {
			w.failedAt = step.Id
		}
		return ctx, nil
	})
	sc.After(func(ctx context.Context, _ *godog.Scenario, err error) (context.Context, error) {
		var shown error
		if err != nil {
			shown = w.judgeRest()
		}
		if err == nil && w.run == nil {
			shown = errors.New("the scenario runs no load, and so shows nothing; add: When the load runs for 5 minutes")
		}
		ended := errors.Join(shown, w.finish(errors.Join(err, shown)), w.close())
		w.toldOf(errors.Join(err, ended))
		return ctx, ended
	})
	w.bind(sc)
}

// objectives reads a table of two columns with the one grammar there is.
func (w *world) objectives(table *godog.Table, parse func(subject, expectation string) (harness.Objective, error)) ([]harness.Objective, error) {
	var out []harness.Objective
	for i, row := range table.Rows {
		where := w.suite.where(w.step.AstNodeIds, i)
		if len(row.Cells) != 2 {
			return nil, fmt.Errorf("%s: a row has two cells, | p99 TTFT | at most 500 ms |, this one has %d", where, len(row.Cells))
		}
		o, err := parse(row.Cells[0].Value, row.Cells[1].Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		o.Where, o.Setting = where, w.at
		out = append(out, o)
	}
	return out, nil
}

// seedOf is the default seed: the FNV-1a hash of the scenario's name, so that a
// scenario is the same load every time, and another scenario another one.
func seedOf(name string) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range []byte(name) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}
