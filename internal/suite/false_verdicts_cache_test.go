package suite_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// longPrompts take 46 ms to compute, and nothing where all of them were asked before.
const longPrompts = `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 2,000 tokens are answered in 4 tokens
    And requests arrive evenly at 8 per second
    When the load runs for 20 requests
    Then these objectives are met:
      | p50 TTFT   | at most 40 ms |
      | error rate | none          |
`

// cachingMock is a server whose prefix cache cannot be emptied.
func cachingMock(t *testing.T, faults ...mockvllm.Fault) string {
	t.Helper()
	s, err := server.Mock(mockvllm.Config{Profile: mockvllm.Profiles()[0], Faults: faults})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	require.NoError(t, s.LoadBegins())
	return s.URL
}

// changed is a proxy before a mock that changes the bodies of requests; false: it
// refuses them.
func changed(t *testing.T, change func(body map[string]any) bool) string {
	t.Helper()
	to, err := url.Parse(cachingMock(t))
	require.NoError(t, err)
	forward := onward(to)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			forward.ServeHTTP(w, r)
			return
		}
		raw, _ := io.ReadAll(r.Body)
		var body map[string]any
		_ = json.Unmarshal(raw, &body)
		if !change(body) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":{"message":"cache_salt: Extra inputs are not permitted"}}`)
			return
		}
		raw, _ = json.Marshal(body)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// What servers make of cache_salt.
func withoutSalts(body map[string]any) bool {
	delete(body, "cache_salt")
	return true
}

func refusingSalts(body map[string]any) bool { return body["cache_salt"] == nil }

// withoutSaltsOfTokens ignores salts, but not those of a text, as the probe before a load is.
func withoutSaltsOfTokens(body map[string]any) bool {
	if _, text := body["prompt"].(string); !text {
		delete(body, "cache_salt")
	}
	return true
}

// askedBefore is a server that the same command has been run against before.
func askedBefore(server func(t *testing.T) string) func(t *testing.T) []string {
	return func(t *testing.T) []string {
		variables := []string{"VLLM_URL=" + server(t), "VLLMSPEC_DASHBOARD=off"}
		first := feature(t, longPrompts, variables...)
		require.NotEmpty(t, first.runs, first.output)
		return variables
	}
}

func cacheVerdicts() []verdictCase {
	behind := func(change func(map[string]any) bool) func(t *testing.T) []string {
		return askedBefore(func(t *testing.T) string { return changed(t, change) })
	}
	missed := map[string]slo.Outcome{"p50 TTFT at most 40 ms": slo.Missed, "error rate none": slo.Met}
	used := strings.NewReplacer("    When", "    And what earlier runs left in the prefix cache is used\n    When", "at most 40 ms", "at most 1 ms").Replace(longPrompts)
	return []verdictCase{
		{"prefix cache", "the same command again", longPrompts, askedBefore(func(t *testing.T) string { return cachingMock(t) }), missed, nil},
		{"prefix cache", "the same command again, where salts are ignored", longPrompts, behind(withoutSalts), missed, []string{"the server ignores cache_salt"}},
		{"prefix cache", "the same command again, where salts are refused", longPrompts, behind(refusingSalts), missed, []string{"the server refuses cache_salt"}},
		{"prefix cache", "the same command again, where salts are ignored behind our back", longPrompts, behind(withoutSaltsOfTokens),
			map[string]slo.Outcome{"p50 TTFT at most 40 ms": slo.Unknown, "error rate none": slo.Met},
			[]string{"99.2 % of prompt tokens were found in the server's prefix cache, and this run's own prompts explain 0 % at most"}},
		{"prefix cache", "a cold cache, where salts are refused", strings.Replace(longPrompts, "    When", "    And the prefix cache is cold\n    When", 1), behind(refusingSalts), missed, nil},
		{"prefix cache", "what earlier runs left, on purpose", used, behind(withoutSaltsOfTokens),
			map[string]slo.Outcome{"p50 TTFT at most 1 ms": slo.Missed, "error rate none": slo.Met}, nil},
	}
}

// hitRateOf is that of a run, by the server's own counters.
func hitRateOf(t *testing.T, dir string) float64 {
	t.Helper()
	stored, err := store.Open(dir)
	require.NoError(t, err)
	found, known := measure.Of(stored.Run).Found()
	require.True(t, known)
	return found
}

func TestCache_sameCommandTwiceFindsTheSame(t *testing.T) {
	t.Parallel()
	for name, asks := range map[string]string{
		"different prompts":     "prompts of 2,000 tokens are answered in 4 tokens",
		"prompts with a prefix": "prompts of 100 tokens are answered in 4 tokens\n    And prompts in 2 groups share a prefix of 400 tokens",
		"a chat in turns":       "conversations are drawn from \"sharegpt\"\n    And conversations have 2 turns\n    And answers are at most 4 tokens long",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.NewReplacer("prompts of 2,000 tokens are answered in 4 tokens", asks).Replace(longPrompts)
			if name != "different prompts" {
				text = strings.Replace(text, "at most 40 ms", "at most 1 ms", 1)
			}
			url := cachingMock(t)
			var rates []float64
			for range 2 {
				r := feature(t, text, "VLLM_URL="+url, "VLLMSPEC_DASHBOARD=off")
				wants := map[string]slo.Outcome{}
				for row := range lastVerdicts(t, r) {
					wants[row] = map[bool]slo.Outcome{true: slo.Met, false: slo.Missed}[row == "error rate none"]
				}
				r.areVerdicts(t, wants)
				rates = append(rates, hitRateOf(t, r.runs[0]))
			}
			assert.InDelta(t, rates[0], rates[1], 0.02)
			if name != "different prompts" {
				assert.Greater(t, rates[0], 0.2, "what the run's own prompts share is found")
			}
		})
	}
}

func TestCache_slowerServerIsNoFasterTheSecondTime(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("    When", "    And everything is repeated 6 times\n    When", "these objectives are met:", `compared with the baseline "mine":`,
		"20 requests", "8 requests", "at most 40 ms", "at most 10% worse", "p50 TTFT  ", "mean TTFT").Replace(strings.Replace(longPrompts, "      | error rate | none          |\n", "", 1))
	root := t.TempDir()
	once := func(url string) ran {
		r, err := tryIn(t, root, text, "VLLM_URL="+url, "VLLMSPEC_DASHBOARD=off", "VLLMSPEC_OUT="+t.TempDir())
		require.NoError(t, err)
		require.Len(t, r.runs, 7, r.output)
		return r
	}
	var bench string
	for _, dir := range once(cachingMock(t)).runs { // that of the whole holds all six
		if lines := leftFile(t, dir, "bench.txt"); len(lines) > len(bench) {
			bench = lines
		}
	}
	require.Equal(t, 6, strings.Count(bench, "BenchmarkOne"))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "features", "baselines"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "features", "baselines", "mine.txt"), []byte(bench), 0o644))
	slower := cachingMock(t, mockvllm.Fault{Kind: mockvllm.Slow, Factor: 1.3})
	for range 2 {
		r := once(slower)
		assert.False(t, r.passed, r.output)
		assert.NotContains(t, r.output, "✓ met      mean TTFT")
		assert.NotContains(t, r.output, "what an earlier run asked may be found")
	}
}

func TestCache_coldChatIsColdWhereSaltsAreRefused(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("prompts of 2,000 tokens are answered in 4 tokens", "conversations are drawn from \"sharegpt\"\n    And answers are at most 4 tokens long\n    And the prefix cache is cold", "at most 40 ms", "at most 1 ms").Replace(longPrompts)
	url := changed(t, refusingSalts)
	for range 2 {
		r := feature(t, text, "VLLM_URL="+url, "VLLMSPEC_DASHBOARD=off")
		r.areVerdicts(t, map[string]slo.Outcome{"p50 TTFT at most 1 ms": slo.Missed, "error rate none": slo.Met})
		m := r.manifests(t)[0]
		assert.Equal(t, harness.SaltsRefused, m.Server.CacheSalt)
		assert.Contains(t, strings.Join(harness.WarningTexts(m.Warnings), "\n"), "the server refuses cache_salt: so that no run finds what another one asked, each text begins with a line of the run's own")
	}
}

func TestArms_areAskedAlike(t *testing.T) {
	t.Parallel()
	var salted atomic.Int32
	one := changed(t, func(body map[string]any) bool {
		if body["cache_salt"] != nil {
			salted.Add(1)
		}
		return true
	})
	text := strings.NewReplacer("these objectives are met:", "compared with the other server:", "at most 40 ms", "at most 90% worse", "      | error rate | none          |\n", "", "20 requests", "8 requests").Replace(longPrompts)
	r := feature(t, text, "VLLM_URL="+one, "VLLM_URL_B="+changed(t, refusingSalts), "VLLMSPEC_DASHBOARD=off", "VLLMSPEC_UNKNOWN=warn")
	require.NotEmpty(t, r.runs, r.output)
	seen := map[harness.Salting]bool{}
	for _, m := range r.manifests(t) {
		seen[m.Server.CacheSalt] = true
	}
	assert.Equal(t, map[harness.Salting]bool{harness.SaltsUnused: true, harness.SaltsRefused: true}, seen)
	assert.EqualValues(t, 2, salted.Load(), "salts were tried, and then not used")
}
