package judge_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/reconcile"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
)

func limit(t *testing.T, subject, expectation string) harness.Objective {
	t.Helper()
	o, err := slo.Parse(subject, expectation)
	require.NoError(t, err)
	return o
}

// scenario is answers that take the longer the later they are due.
func scenario(t *testing.T) harness.Scenario {
	return harness.Scenario{Name: "One", Seed: 7, Load: harness.Open{Arrivals: arrival.Even{PerSecond: 10}, For: 40 * time.Second},
		Objectives: []harness.Objective{limit(t, "p50 TTFT", "at most 1 s"), limit(t, "error rate", "none")}}
}

func records(each time.Duration) (all []harness.Record) {
	for i := range 400 {
		r := harness.NewRecord(i, time.Duration(i)*100*time.Millisecond)
		r.Sent, r.Headers, r.Finish, r.Good = r.Due, r.Due+1e6, "stop", true
		r.Chunks = []time.Duration{r.Due + each, r.Due + each + 10*time.Millisecond}
		r.Done, r.OutputTokens, r.PromptTokens = r.Chunks[1], 2, 16
		all = append(all, r)
	}
	return all
}

// written is a run that is stored, but for its verdicts, and where.
func written(t *testing.T, root, name string, s harness.Scenario, each time.Duration, change func(*store.Manifest)) string {
	t.Helper()
	folder, err := store.Create(root, name)
	require.NoError(t, err)
	sink := folder.Archive(s.Name)
	for _, r := range records(each) {
		require.NoError(t, sink.Record(r))
	}
	require.NoError(t, sink.Close())
	run := &harness.Run{Scenario: s, Length: 41 * time.Second, To: 40 * time.Second, Virtual: true, Requests: 400}
	m := store.NewManifest(folder.Run(), run)
	m.Judged = []store.Asked{{Kind: store.AskedObjectives, Rows: s.Objectives}}
	change(&m)
	require.NoError(t, folder.WriteJSON("run.json", m))
	dir, err := folder.Publish()
	require.NoError(t, err)
	return dir
}

func asItIs(*store.Manifest) {}

// judged writes the verdicts of a stored run.
func judged(t *testing.T, dir string) *judge.Rejudged {
	t.Helper()
	r, err := judge.Again(dir)
	require.NoError(t, err)
	raw, err := store.JSON(r.Verdicts)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "verdicts.json"), raw, 0o644))
	return r
}

func outcomes(verdicts []slo.Verdict) (all []slo.Outcome) {
	for _, v := range verdicts {
		all = append(all, v.Outcome)
	}
	return all
}

func TestRead_refusesVerdictsThatDoNotFollowFromTheFiles(t *testing.T) {
	dir := written(t, t.TempDir(), "run=x", scenario(t), 500*time.Millisecond, asItIs)
	r := judged(t, dir)
	assert.Equal(t, []slo.Outcome{slo.Met, slo.Met}, outcomes(r.Verdicts))
	_, err := judge.Read(dir)
	require.NoError(t, err)

	path := filepath.Join(dir, "verdicts.json")
	stored, err := os.ReadFile(path)
	require.NoError(t, err)
	for change, says := range map[string]string{
		`"value": 0.5|"value": 0.4`:            `it says "met: p50 TTFT was 400 ms, n = 400, against at most 1 s", and judged again it is "met: p50 TTFT was 500 ms, n = 400, against at most 1 s"`,
		`"unit": "s"|"unit": "ms"`:             `judged again`,
		`"where": ""|"where": "a.feature:3"`:   `it says where "a.feature:3", and judged again that is ""`,
		"]\n|]\n\n":                            "it is written differently",
		`"outcome": "met"|"outcome": "missed"`: `it says "missed: p50 TTFT was`,
		`[|[ {"text": "one more"},`:            "it has 3 verdicts, and judged again there are 2",
		`[|{`:                                  "it is no list of verdicts",
	} {
		from, to, _ := strings.Cut(change, "|")
		require.Contains(t, string(stored), from)
		require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(stored), from, to, 1)), 0o644))
		_, err := judge.Read(dir)
		require.ErrorContains(t, err, says, change)
		assert.ErrorContains(t, err, path+" does not follow from the other files: ")
		assert.ErrorContains(t, err, "a file was changed since, or another version of vllmspec judged it")
	}
}

func TestRead_takesVerdictsOfOlderVersionsAsTheyStand(t *testing.T) {
	dir := written(t, t.TempDir(), "run=x", scenario(t), 500*time.Millisecond, func(m *store.Manifest) { m.Judged = nil })
	_, err := judge.Again(dir)
	require.ErrorIs(t, err, judge.ErrNotSaid)
	old, err := store.JSON([]slo.Verdict{slo.Unanswered(limit(t, "p50 TTFT", "at most 1 s"), "so it was")})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "verdicts.json"), old, 0o644))
	r, err := judge.Read(dir)
	require.NoError(t, err)
	assert.Equal(t, []string{"so it was"}, r.Verdicts[0].Notes)
	assert.NotNil(t, r.Window)
}

// TestAgain_needsWhatTheFolderHolds compares with the copy of a baseline.
func TestAgain_needsWhatTheFolderHolds(t *testing.T) {
	row, err := compare.Parse("p50 TTFT", "at most 5% worse")
	require.NoError(t, err)
	s := scenario(t)
	against := func(m *store.Manifest) {
		m.Judged = append(m.Judged, store.Asked{Kind: store.AskedBaseline, Rows: []harness.Objective{row}, File: "baseline-then.txt"})
	}
	dir := written(t, t.TempDir(), "run=x", s, 500*time.Millisecond, against)
	_, err = judge.Again(dir)
	require.ErrorContains(t, err, "baseline-then.txt")
	var lines []byte
	for _, value := range []float64{.4, .5, .6} {
		lines = append(lines, store.Bench(s.Name, nil, store.Measured{Requests: 1, Figures: []harness.Figure{{Name: "p50 TTFT", Unit: "s", Value: value}}})...)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "baseline-then.txt"), lines, 0o644))
	r := judged(t, dir)
	require.Len(t, r.Verdicts, 3)
	assert.Equal(t, 4, r.Verdicts[2].N, "three runs of the baseline, and this one")
	_, err = judge.Read(dir)
	require.NoError(t, err)
}

func TestAgain_ofSeveralRunsRestsOnTheRunsBeside(t *testing.T) {
	root, s := t.TempDir(), scenario(t)
	of := trials.Group{Kind: trials.Repeats, Planned: 2}
	for i, each := range []time.Duration{500 * time.Millisecond, 500 * time.Millisecond} {
		dir := written(t, root, "run=x-repeat-"+string(rune('1'+i)), s, each, asItIs)
		of.Trials = append(of.Trials, trials.Trial{Run: filepath.Base(dir), Number: i + 1})
	}
	dir := written(t, root, "run=x", s, 0, func(m *store.Manifest) {
		for _, t := range of.Trials {
			m.Trials = append(m.Trials, t.Run)
		}
	})
	raw, err := store.JSON(of)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "trials.json"), raw, 0o644))
	r := judged(t, dir)
	assert.Equal(t, []slo.Outcome{slo.Met, slo.Met}, outcomes(r.Verdicts))
	assert.Equal(t, 800, r.Verdicts[1].N)
	assert.Equal(t, []slo.Outcome{slo.Met, slo.Met}, []slo.Outcome{r.Group.Trials[0].Outcome, r.Group.Trials[1].Outcome})
	of.Planned = 3
	raw, err = store.JSON(of)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "trials.json"), raw, 0o644))
	fewer := judged(t, dir).Verdicts
	assert.Equal(t, []slo.Outcome{slo.Unknown, slo.Unknown}, outcomes(fewer))
	assert.Equal(t, "only 2 of 3 repeats were made", fewer[0].Notes[0])
	require.NoError(t, os.RemoveAll(filepath.Join(root, "run=x-repeat-2")))
	_, err = judge.Again(dir)
	assert.ErrorContains(t, err, "run=x-repeat-2")
}

func TestSalvage_judgesWhatIsLeft(t *testing.T) {
	root, s := t.TempDir(), scenario(t)
	row, err := compare.Parse("p50 TTFT", "at most 5% worse")
	require.NoError(t, err)
	agrees, err := reconcile.Parse("requests", "exactly")
	require.NoError(t, err)
	folder, err := store.Create(root, "run=x")
	require.NoError(t, err)
	m := store.NewManifest(folder.Run(), &harness.Run{Scenario: s, Virtual: true})
	m.Judged = []store.Asked{{Kind: store.AskedObjectives, Rows: s.Objectives}, {Kind: store.AskedBaseline, Rows: []harness.Objective{row}, File: "baseline-then.txt"},
		{Kind: store.AskedAgreement, Rows: []harness.Objective{agrees}}, {Kind: store.AskedOther, Rows: []harness.Objective{row}}}
	sink, err := folder.SafeArchive(s.Name, m)
	require.NoError(t, err)
	for _, r := range records(500 * time.Millisecond) {
		require.NoError(t, sink.Record(r))
	}
	require.NoError(t, sink.Close())
	folder.Leave()
	dir, err := judge.Salvage(filepath.Join(root, ".run=x"))
	require.NoError(t, err)
	r, err := judge.Read(dir)
	require.NoError(t, err, "judged again they are what was stored")
	require.Len(t, r.Verdicts, 5)
	for _, v := range r.Verdicts {
		assert.Equal(t, slo.Unknown, v.Outcome, v.Text)
		assert.True(t, slices.ContainsFunc(v.Notes, func(note string) bool { return strings.Contains(note, "the program was killed") }), "%s: %v", v.Text, v.Notes)
		assert.Contains(t, v.Cause.String(), "the program was killed", v.Text)
	}
}

// TestSalvage_ofSeveralRuns is for a program that was killed after two of three repeats,
// or in a search: all that was made is there, and nothing of it is known.
func TestSalvage_ofSeveralRuns(t *testing.T) {
	s := scenario(t)
	for _, kind := range []trials.Kind{trials.Repeats, trials.Sweep, trials.Search} {
		root, of := t.TempDir(), trials.Group{Kind: kind, Scale: trials.Rate}
		for i := range 2 {
			dir := written(t, root, "run=x-"+string(rune('1'+i)), s, 500*time.Millisecond, asItIs)
			of.Trials = append(of.Trials, trials.Trial{Run: filepath.Base(dir), Number: i + 1, Setting: float64(i + 1)})
		}
		folder, err := store.Create(root, "run=x")
		require.NoError(t, err)
		m := store.NewManifest(folder.Run(), &harness.Run{Scenario: s, Virtual: true})
		m.Trials = []string{of.Trials[0].Run, of.Trials[1].Run}
		m.Judged = []store.Asked{{Kind: store.AskedObjectives, Rows: s.Objectives}}
		if kind == trials.Search {
			m.Judged = []store.Asked{{Kind: store.AskedCapacity, Rows: []harness.Objective{of.Capacity(3).Objective}}}
		}
		require.NoError(t, folder.WriteJSON("run.json", m))
		require.NoError(t, folder.WriteJSON("trials.json", of))
		folder.Leave()
		dir, err := judge.Salvage(filepath.Join(root, ".run=x"))
		require.NoError(t, err)
		r, err := judge.Read(dir)
		require.NoError(t, err)
		assert.Equal(t, harness.StopKilled, r.Manifest.Stopped.Kind)
		require.NotEmpty(t, r.Verdicts)
		for _, v := range r.Verdicts {
			assert.Equal(t, slo.Unknown, v.Outcome, "%s: %s", kind, v.Text)
			assert.Contains(t, v.Cause.String(), "the program was killed")
		}
	}
}
