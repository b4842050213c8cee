package suite_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/suite"
	"github.com/vllmspec/vllmspec/mockvllm"
)

const repeated = `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 256 tokens are answered in 8 tokens
    And requests arrive as a Poisson process at 8 per second
    And the first 2 seconds are warm-up
    And everything is repeated 3 times
    When the load runs for 20 seconds
    Then these objectives are met:
      | p95 TTFT   | at most 500 ms |
      | error rate | none           |
`

// manifests are those of all stored runs, the whole first.
func (r ran) manifests(t *testing.T) (all []store.Manifest) {
	t.Helper()
	for _, dir := range r.runs {
		m, _, err := store.ReadManifest(dir)
		require.NoError(t, err)
		all = append(all, m)
	}
	slices.Reverse(all) // store.Names has the newest first
	return all
}

func readJSON[T any](t *testing.T, path string) (v T) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &v))
	return v
}

func TestRepeats_areJudgedTogether(t *testing.T) {
	r := feature(t, repeated)
	require.True(t, r.passed, r.output)
	all := r.manifests(t)
	require.Len(t, all, 4)
	whole := all[0]
	assert.Len(t, whole.Trials, 3)
	assert.Equal(t, "a Poisson process at 8 per second, for 20s, 3 times", whole.Scenario.Load)

	seeds, requests, measured := map[uint64]bool{}, 0, 0
	for i, m := range all[1:] {
		assert.Equal(t, whole.Trials[i], m.Run)
		assert.Equal(t, store.Trial{Of: whole.Run, Kind: "repeat", Number: i + 1, Planned: 3, SeedPolicy: m.Trial.SeedPolicy}, *m.Trial)
		seeds[m.Scenario.Seed] = true
		requests += m.Requests
		stored, err := store.Open(filepath.Join(r.out, m.Run))
		require.NoError(t, err, "a trial is a run like any other")
		verdicts := readJSON[[]slo.Verdict](t, filepath.Join(stored.Dir, "verdicts.json"))
		for i, again := range slo.Judge(measure.Of(stored.Run), m.Scenario.Objectives) {
			assert.Equal(t, again.Sentence(), verdicts[i].Sentence())
		}
		measured += verdicts[0].N
	}
	assert.Len(t, seeds, 3, "each repeat has arrivals of its own")
	assert.True(t, seeds[whole.Scenario.Seed], "the first is the run that there would be without repeats")
	assert.Equal(t, requests, whole.Requests)

	pooled := readJSON[[]slo.Verdict](t, filepath.Join(r.out, whole.Run, "verdicts.json"))
	require.Len(t, pooled, 2)
	assert.Equal(t, measured, pooled[1].N, "the verdict rests on the requests of all of them")
	assert.Len(t, readJSON[trials.Group](t, filepath.Join(r.out, whole.Run, "trials.json")).Trials, 3)

	bench, err := os.ReadFile(filepath.Join(r.out, whole.Run, "bench.txt"))
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(string(bench), "BenchmarkOne "))
	assert.Equal(t, 1, strings.Count(string(bench), "model: "))
	index, err := os.ReadFile(filepath.Join(r.out, "index.html"))
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(string(index), "<th scope=\"row\">"), "the whole is in the list, as a run and as its scenario; each of its runs is not")
}

func TestRepeats_sameSeedRepeatsTheSame(t *testing.T) {
	verdicts := func() []slo.Verdict {
		r := feature(t, repeated)
		return readJSON[[]slo.Verdict](t, filepath.Join(r.out, r.manifests(t)[0].Run, "verdicts.json"))
	}
	assert.Equal(t, verdicts(), verdicts())
}

func TestRepeats_coldCacheIsColdInEachOne(t *testing.T) {
	r := feature(t, strings.Replace(repeated, "And prompts of 256 tokens are answered in 8 tokens",
		"And conversations are drawn from \"prompts\"\n    And answers are at most 8 tokens long\n    And the prefix cache is cold", 1))
	require.True(t, r.passed, r.output)
}

func TestRepeats_thatAreInterruptedAreKept(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "features"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "features", "x.feature"), []byte(repeated), 0o644))
	env, err := environment.Read(root, nil)
	require.NoError(t, err)
	var output bytes.Buffer
	stopped := new(suite.Interrupt)
	s := suite.New(env, time.Time{}, stopped, &output)
	features, err := s.Features()
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		go func() {
			time.Sleep(30 * time.Second) // in the second repeat
			stopped.Set("Ctrl-C")
		}()
		passed, err := s.Run(features[0])
		assert.NoError(t, err)
		assert.False(t, passed)
	})
	require.NoError(t, s.Close())
	assert.Contains(t, output.String(), "interrupted by Ctrl-C: 2 of 3 repeats were begun")
	r := ran{out: env.Out}
	names, err := store.Names(r.out)
	require.NoError(t, err)
	for _, name := range names {
		r.runs = append(r.runs, filepath.Join(r.out, name))
		isJudgedAgain(t, filepath.Join(r.out, name))
	}
	all := r.manifests(t)
	require.Len(t, all, 3)
	assert.Equal(t, []harness.StopKind{harness.StopInterrupted, "", harness.StopInterrupted}, []harness.StopKind{all[0].Stopped.Kind, all[1].Stopped.Kind, all[2].Stopped.Kind})
	assert.Positive(t, all[2].Requests)
}

func TestRepeats_thatDoNotFitAreRefused(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "features"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "features", "x.feature"), []byte(strings.Replace(repeated, "20 seconds", "4 minutes", 1)), 0o644))
	env, err := environment.Read(root, []string{"VLLMSPEC_TARGET=mock", "VLLMSPEC_DASHBOARD=off"})
	require.NoError(t, err)
	var output bytes.Buffer
	s := suite.New(env, time.Now().Add(10*time.Minute), new(suite.Interrupt), &output)
	features, err := s.Features()
	require.NoError(t, err)
	passed, err := s.Run(features[0])
	require.NoError(t, err)
	assert.False(t, passed)
	assert.Contains(t, output.String(), "the 3 loads of 12m10s in all and its grace of 1m0s do not fit into the 10m0s that go test leaves; add -timeout 22m")
}

func TestRepeats_firstFindsNothingOfTheTestsBefore(t *testing.T) {
	t.Parallel()
	s, err := server.Mock(mockvllm.Config{Profile: mockvllm.Profiles()[0], Development: true})
	require.NoError(t, err)
	defer s.Close()
	to, err := url.Parse(s.URL)
	require.NoError(t, err)
	var emptied atomic.Int32
	forward := onward(to)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/reset_prefix_cache" {
			emptied.Add(1)
		}
		forward.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	r := feature(t, strings.Replace(seconds, "    When", "    And everything is repeated 2 times\n    When", 1), "VLLM_URL="+proxy.URL, "VLLMSPEC_UNKNOWN=warn")
	require.Len(t, r.runs, 3, r.output)
	assert.EqualValues(t, 2, emptied.Load(), "the cache is emptied before each of them")
}

func TestRepeats_areJudgedFromWhereTheScenarioSays(t *testing.T) {
	slower := strings.NewReplacer("at 8 per second", "at 30 per second", "repeated 3 times", "repeated 2 times",
		`the model "llama-3.1-8b" is being served`, "a simulated server of \"llama-3.1-8b\" on \"one H100\"\n    And its steps take 2 times as long after 4 seconds").Replace(repeated)
	found := feature(t, strings.Replace(slower, "    And the first 2 seconds are warm-up\n", "", 1))
	require.NotEmpty(t, found.runs, found.output)
	assert.Contains(t, strings.Join(harness.WarningTexts(found.manifests(t)[0].Warnings), "\n"), "are not judged: until then", "this server has a beginning that flatters")
	said := feature(t, strings.Replace(slower, "the first 2 seconds are", "the first 0 seconds are", 1))
	require.NotEmpty(t, said.runs, said.output)
	for _, m := range said.manifests(t) {
		assert.NotContains(t, strings.Join(harness.WarningTexts(m.Warnings), "\n"), "are not judged: until then")
	}
}
