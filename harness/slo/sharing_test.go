package slo_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// sharing is a run whose prompts of 1,000 tokens have so many in common, and whose server
// has looked up a million and found so many hits.
func sharing(common int, hits float64) *harness.Run {
	run := runtest.Of(1000, func(_ int, r *harness.Record) { r.PromptTokens, r.ShareableTokens = 1000, common })
	watching(run, "vllm:prefix_cache_queries_total", "server", 0, 1e6)
	watching(run, "vllm:prefix_cache_hits_total", "server", 0, hits)
	return run
}

func TestSharing_unexplainedHitsVoidWhatACacheMakesBetter(t *testing.T) {
	for name, c := range map[string]struct {
		run  *harness.Run
		says string // "" where nothing is wrong
	}{
		"nothing shared, nothing found": {sharing(0, 0), ""},
		"a little at both ends":         {sharing(0, 4e4), ""},
		"what an earlier run left":      {sharing(30, 48e4), "48 % of prompt tokens were found in the server's prefix cache, and this run's own prompts explain 3 % at most: an earlier run asked the same and the server does not honour cache_salt, or others use it meanwhile; "},
		"a prefix that groups share":    {sharing(900, 89e4), ""},
		"less than could be found":      {sharing(900, 0), ""},
		"as each request tells": {runtest.Of(1000, func(_ int, r *harness.Record) {
			r.PromptTokens, r.ShareableTokens, r.CachedTokens = 1000, 0, 992
		}), "99.2 % of prompt tokens were found in the server's prefix cache, and this run's own prompts explain 0 % at most"},
		"others find what is theirs": {func() *harness.Run {
			run := sharing(0, 50e4)
			of := run.Records
			run.Records = func(yield func(harness.Record) bool) {
				for r := range of {
					if r.CachedTokens = 0; !yield(r) {
						return
					}
				}
			}
			return run
		}(), ""},
		"not known what is shared": {func() *harness.Run {
			run := runtest.Of(1000, func(_ int, r *harness.Record) { r.PromptTokens = 1000 })
			watching(run, "vllm:prefix_cache_queries_total", "server", 0, 1e6)
			watching(run, "vllm:prefix_cache_hits_total", "server", 0, 9e5)
			return run
		}(), ""},
		"not known what was found": {runtest.Of(1000, func(_ int, r *harness.Record) { r.PromptTokens, r.ShareableTokens = 1000, 0 }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := slo.Audit(measure.Of(c.run))
			if c.says == "" {
				assert.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			assert.Equal(t, slo.CachedWork, found[0].Voids)
			assert.Contains(t, found[0].Text, c.says)
			assert.Contains(t, found[0].Text, "add: And what earlier runs left in the prefix cache is used")
			assert.Equal(t, slo.Unknown, judge(t, c.run, "p50 TTFT", "at most 10 s").Outcome)
			assert.Equal(t, slo.Met, judge(t, c.run, "error rate", "none").Outcome, "no cache makes that better")
		})
	}
}

func TestSharing_hitsThatTheScenarioAllows(t *testing.T) {
	run := sharing(0, 9e5)
	require.NotEmpty(t, slo.Audit(measure.Of(run)))
	run.Scenario.Leftovers = true
	assert.Empty(t, slo.Audit(measure.Of(run)))
	warm := sharing(0, 98e4)
	warm.Scenario.Cache = &harness.Cache{Share: 1}
	assert.Empty(t, slo.Audit(measure.Of(warm)), "a contract is checked by what it says")
}

func TestSharing_oneOfSeveralRunsVoidsThemAll(t *testing.T) {
	o, err := slo.Parse("p50 TTFT", "at most 10 s")
	require.NoError(t, err)
	fine, warm := measure.Of(sharing(0, 0)), measure.Of(sharing(0, 9e5))
	assert.Equal(t, slo.Met, slo.Together([]*measure.Window{fine, fine}).Judge([]harness.Objective{o})[0].Outcome)
	v := slo.Together([]*measure.Window{fine, warm}).Judge([]harness.Objective{o})[0]
	assert.Equal(t, slo.Unknown, v.Outcome)
	assert.Contains(t, v.Notes[0], "run 2 of 2: 90 % of prompt tokens were found")
}

func TestSharing_headOfATemplateWhereSaltsAreRefused(t *testing.T) {
	run := func(salting harness.Salting) *measure.Window {
		run := sharing(64, 5e4)
		run.Scenario.Cache, run.Salting = &harness.Cache{}, salting
		return measure.Of(run)
	}
	assert.NotEmpty(t, slo.Audit(run(harness.SaltsTaken)), "under another salt the head is another one")
	assert.Empty(t, slo.Audit(run(harness.SaltsRefused)))
}
