package experiment_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// objective is one row.
func objective(t *testing.T, subject, expectation string) []harness.Objective {
	o, err := slo.Parse(subject, expectation)
	require.NoError(t, err)
	return []harness.Objective{o}
}

// planned is a minute of load on the mock, in virtual time.
func planned(rows []harness.Objective) experiment.Plan {
	return experiment.Plan{
		Scenario: harness.Scenario{
			Name: "a minute", Seed: 7, Objectives: rows,
			Dataset: dataset.Synthetic{Prompt: dataset.Length{Mean: 100}, Answer: dataset.Length{Mean: 20}},
			Load:    harness.Open{Arrivals: arrival.Poisson{PerSecond: 10}, For: time.Minute},
		},
		Target:  experiment.Target{Model: "llama-3.1-8b", GPU: "one H100"},
		Virtual: true,
	}
}

// heard is a listener that remembers.
type heard struct {
	lines  []string
	stages []experiment.Stage
}

func (h *heard) Say(line string)              { h.lines = append(h.lines, line) }
func (h *heard) Reach(stage experiment.Stage) { h.stages = append(h.stages, stage) }

// carriedOut is what comes of a plan whose rows are of one kind.
func carriedOut(t *testing.T, session *experiment.Session, plan experiment.Plan, asked experiment.Question) (verdicts []slo.Verdict, summary *experiment.Summary) {
	e := session.New(plan)
	err := e.Run(t.Context())
	if assert.NoError(t, err) {
		verdicts, err = e.Judge(asked)
		assert.NoError(t, err)
	}
	summary, err = e.Finish(err)
	require.NoError(t, err)
	require.NotNil(t, summary)
	return verdicts, summary
}

// stored are the names of the runs in a folder, without their start.
func stored(t *testing.T, out string) (names []string) {
	entries, err := os.ReadDir(out)
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.IsDir() && strings.HasPrefix(entry.Name(), "run=") {
			_, name, _ := strings.Cut(entry.Name(), "Z-")
			names = append(names, name)
		}
	}
	return names
}

func TestSession_carriesOutEveryDesign(t *testing.T) {
	ttft := objective(t, "p90 TTFT", "at most 500 ms")
	capacity := func(rows []harness.Objective) []harness.Objective {
		return []harness.Objective{trials.Group{Scale: trials.Rate}.Capacity(4).Objective}
	}
	plain := func(rows []harness.Objective) []harness.Objective { return rows }
	for name, of := range map[string]struct {
		design experiment.Design
		kind   experiment.QuestionKind
		rows   func([]harness.Objective) []harness.Objective
		runs   []string
	}{
		"once":     {nil, experiment.Objectives, plain, []string{"a-minute"}},
		"repeated": {experiment.Repeats{Times: 2}, experiment.Objectives, plain, []string{"a-minute", "a-minute-repeat-1", "a-minute-repeat-2"}},
		"swept": {experiment.Sweep{Scale: trials.Rate, Settings: []float64{5, 10}, Each: experiment.Extent{Length: time.Minute}}, experiment.Objectives, plain,
			[]string{"a-minute", "a-minute-point-1", "a-minute-point-2"}},
		"searched": {experiment.Search{Scale: trials.Rate, From: 2, To: 8, Each: experiment.Extent{Length: time.Minute}}, experiment.Capacity, capacity, nil},
	} {
		t.Run(name, func(t *testing.T) {
			out, heard := t.TempDir(), new(heard)
			synctest.Test(t, func(t *testing.T) {
				session := &experiment.Session{Out: out, Began: time.Now(), Listener: heard}
				defer session.Close()
				plan := planned(ttft)
				plan.Design = of.design
				verdicts, summary := carriedOut(t, session, plan, experiment.Question{Kind: of.kind, Rows: of.rows(ttft)})
				assert.Equal(t, slo.Met, verdicts[0].Outcome, verdicts[0].Sentence())
				assert.Equal(t, slo.Met, summary.Outcome)
				assert.FileExists(t, filepath.Join(out, summary.Report))
			})
			names := stored(t, out)
			if of.runs != nil {
				assert.Equal(t, of.runs, names)
			}
			assert.Contains(t, strings.Join(heard.lines, "\n"), "target: the mock, in virtual time")
			assert.Contains(t, heard.stages, experiment.Writing)
		})
	}
}

func TestSession_bringsTheSameLoadToTwoServersInTurns(t *testing.T) {
	out := t.TempDir()
	row, err := compare.Parse("p50 TPOT", "at most 5% worse")
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		session := &experiment.Session{Out: out, Began: time.Now()}
		defer session.Close()
		plan := planned(nil)
		plan.Design, plan.Other, plan.Comparisons = experiment.Repeats{Times: 2}, &experiment.Target{Model: "llama-3.1-8b", GPU: "one A100", Simulated: true}, []harness.Objective{row}
		verdicts, _ := carriedOut(t, session, plan, experiment.Question{Kind: experiment.Other, Rows: plan.Comparisons})
		assert.Len(t, verdicts, 1)
	})
	assert.Equal(t, []string{"a-minute", "a-minute-other-1", "a-minute-other-2", "a-minute-repeat-1", "a-minute-repeat-2"}, stored(t, out))
	seeds := map[string]uint64{}
	for _, dir := range stored(t, out)[1:] {
		paths, err := filepath.Glob(filepath.Join(out, "*"+dir, "run.json"))
		require.NoError(t, err)
		raw, err := os.ReadFile(paths[0])
		require.NoError(t, err)
		var manifest struct{ Scenario struct{ Seed uint64 } }
		require.NoError(t, json.Unmarshal(raw, &manifest))
		seeds[dir] = manifest.Scenario.Seed
	}
	assert.Equal(t, seeds["a-minute-repeat-2"], seeds["a-minute-other-2"])
	assert.NotEqual(t, seeds["a-minute-repeat-1"], seeds["a-minute-repeat-2"])
}

// since interrupts everything from an instant on.
type since struct{ instant time.Time }

func (s since) By() (harness.Interruption, bool) { return "a test", !time.Now().Before(s.instant) }

func TestSession_storesWhatAnInterruptLeaves(t *testing.T) {
	out := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		session := &experiment.Session{Out: out, Began: time.Now(), Interrupt: since{time.Now().Add(20 * time.Second)}}
		defer session.Close()
		e := session.New(planned(objective(t, "p90 TTFT", "at most 500 ms")))
		err := e.Run(t.Context())
		assert.NoError(t, err)
		assert.Equal(t, harness.StopInterrupted, e.Stopped().Kind)
		summary, err := e.Finish(e.Stopped().Err())
		require.NoError(t, err)
		assert.FileExists(t, filepath.Join(out, summary.Report))
	})
	assert.Equal(t, []string{"a-minute"}, stored(t, out))
}

func TestExperiment_thatStopsEarlyFailsUnlessThatIsAsked(t *testing.T) {
	for _, expected := range []bool{false, true} {
		out := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			session := &experiment.Session{Out: out, Began: time.Now()}
			defer session.Close()
			plan := planned(nil)
			plan.EarlyStop = objective(t, "p90 E2E latency", "at most 1 ms")
			e := session.New(plan)
			err := e.Run(t.Context())
			if err == nil && expected {
				assert.True(t, e.StoppedEarly())
			}
			_, err = e.Finish(err)
			assert.Equal(t, expected, err == nil, err)
		})
	}
}

func TestSession_discardsWhatCameToNothing(t *testing.T) {
	out := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		session := &experiment.Session{Out: out, Began: time.Now()}
		defer session.Close()
		plan := planned(nil)
		plan.Target.Model = "a model that the mock does not know"
		e := session.New(plan)
		err := e.Run(t.Context())
		require.Error(t, err)
		assert.False(t, e.Ran())
		summary, err := e.Finish(err)
		assert.NoError(t, err)
		assert.Nil(t, summary)
	})
	assert.Empty(t, stored(t, out))
}

func TestExperiment_refusesPlansThatCannotBeCarriedOut(t *testing.T) {
	whole := planned(objective(t, "p90 TTFT", "at most 500 ms"))
	noLoad, noDataset, noSettings := whole, whole, whole
	noLoad.Scenario.Load, noDataset.Scenario.Dataset, noSettings.Design = nil, nil, experiment.Sweep{Scale: trials.Rate}
	for says, plan := range map[string]experiment.Plan{"the plan has no load": noLoad, "the plan has no dataset": noDataset, "the sweep has no settings": noSettings} {
		out := t.TempDir()
		session := &experiment.Session{Out: out, Deadline: time.Now().Add(time.Hour)}
		e := session.New(plan)
		err := e.Run(t.Context())
		require.ErrorContains(t, err, says)
		summary, err := e.Finish(err)
		require.NoError(t, err)
		assert.Nil(t, summary)
		session.Close()
		left, err := os.ReadDir(out)
		require.NoError(t, err)
		assert.Empty(t, left)
	}
}

// replayed is a run whose every answer takes 100 ms for each request per second that is due.
func replayed(_ context.Context, s harness.Scenario) (*harness.Run, error) {
	load := s.Load.(harness.Open)
	n := load.Requests
	if n == 0 {
		n = int(load.For.Seconds() * load.Arrivals.Rate())
	}
	kept := new(harness.Memory)
	for i := range n {
		due := time.Duration(float64(i) / load.Arrivals.Rate() * float64(time.Second))
		r := harness.NewRecord(i, due)
		r.Session, r.Sent, r.Finish = i, due, "stop"
		r.Done = due + time.Duration(load.Arrivals.Rate()*100)*time.Millisecond
		r.Headers, r.FirstAnswer, r.Chunks = r.Done, r.Done, []time.Duration{r.Done}
		_ = kept.Record(r)
	}
	length := time.Duration(float64(n) / load.Arrivals.Rate() * float64(time.Second))
	return &harness.Run{Scenario: s, Requests: n, To: length, Length: length, Records: kept.Records(), Samples: kept.Samples()}, nil
}

func TestReplay_isJudgedAndStoredNowhere(t *testing.T) {
	t.Chdir(t.TempDir())
	e2e := objective(t, "p90 E2E latency", "at most 1 second")
	session := &experiment.Session{Place: experiment.Place{Replay: replayed}}
	defer session.Close()
	for rate, outcome := range map[float64]slo.Outcome{5: slo.Met, 20: slo.Missed} {
		plan := planned(e2e)
		plan.Virtual, plan.Scenario.Load = false, harness.Open{Arrivals: arrival.Even{PerSecond: rate}, Requests: 500}
		e := session.New(plan)
		require.NoError(t, e.Run(t.Context()))
		verdicts, err := e.Judge(experiment.Question{Kind: experiment.Objectives, Rows: e2e})
		require.NoError(t, err)
		assert.Equal(t, outcome, verdicts[0].Outcome, verdicts[0].Sentence())
		require.Len(t, e.Windows(), 1)
		assert.Equal(t, 500, e.Windows()[0].Requests())
		summary, err := e.Finish(nil)
		require.NoError(t, err)
		assert.Nil(t, summary)
	}
	plan := planned(e2e)
	plan.Virtual, plan.Scenario.Load = false, harness.Open{Arrivals: arrival.Even{}}
	plan.Design = experiment.Search{Scale: trials.Rate, From: 1, To: 64}
	e := session.New(plan)
	require.NoError(t, e.Run(t.Context()))
	found := e.Found()
	require.NotNil(t, found)
	assert.LessOrEqual(t, found.Lo, 10.0)
	assert.GreaterOrEqual(t, found.Hi, 10.0)
	assert.GreaterOrEqual(t, len(e.Windows()), len(found.Probes))
	left, err := os.ReadDir(".")
	require.NoError(t, err)
	assert.Empty(t, left)
}
