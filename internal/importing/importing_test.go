package importing_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/foreign"
	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/importing"
	"github.com/vllmspec/vllmspec/reports"
)

// result is what a fixture of the readers holds.
func result(t *testing.T, names ...string) *foreign.Result {
	t.Helper()
	var paths []string
	for _, name := range names {
		paths = append(paths, filepath.Join("..", "..", "harness", "foreign", "testdata", name))
	}
	all, err := foreign.Read(paths, "")
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}

func results(t *testing.T) map[string]*foreign.Result {
	return map[string]*foreign.Result{
		"vllm bench serve": result(t, "vllm-bench.json"), "GuideLLM 0.8.1": result(t, "guidellm.json.gz"),
		"AIPerf 0.13.0": result(t, "profile_export.jsonl.gz", "profile_export_aiperf.json"), "k6": result(t, "k6.json.gz", "k6-summary.json"),
	}
}

func rows(t *testing.T, written ...string) importing.Asked {
	t.Helper()
	of, err := importing.Rows(written)
	require.NoError(t, err)
	return importing.Asked{Objectives: of}
}

func TestKeep_storesARunAsAnyOther(t *testing.T) {
	under := t.TempDir()
	var runs []reports.Measured
	for by, r := range results(t) {
		kept, err := importing.Keep(r, rows(t, "p50 E2E latency at most 2 s", "error rate at most 50%"), under)
		require.NoError(t, err, by)
		assert.Equal(t, []slo.Outcome{slo.Met, slo.Met}, []slo.Outcome{kept.Verdicts[0].Outcome, kept.Verdicts[1].Outcome}, "%s: %v", by, kept.Verdicts)
		assert.Equal(t, r.Requests, kept.Verdicts[1].N)
		assert.Contains(t, kept.Target.String(), "measured by "+by)
		again, err := judge.Read(kept.Dir) // its verdicts follow from its files
		require.NoError(t, err, by)
		assert.Equal(t, by, again.Run.Imported.By)
		assert.Nil(t, again.Manifest.Agreement)
		assert.Empty(t, again.Manifest.Host.Name, "the client ran elsewhere")
		runs = append(runs, reports.Measured{Manifest: again.Manifest, Verdicts: again.Verdicts, Window: again.Window})
		for _, name := range []string{"requests.parquet", "samples.parquet", "bench.txt"} {
			assert.FileExists(t, filepath.Join(kept.Dir, name))
		}
		page, err := os.ReadFile(filepath.Join(kept.Dir, "report.html"))
		require.NoError(t, err)
		assert.Contains(t, string(page), "measured by "+by)
		for _, check := range slo.Checks(again.Window) {
			assert.Equal(t, "p99 lag of sends", check.Name, "%s: nothing else is known of its client", by)
		}
		bench, err := os.ReadFile(filepath.Join(kept.Dir, "bench.txt"))
		require.NoError(t, err)
		assert.Contains(t, string(bench), "measured-by: "+by)
	}
	require.NoError(t, reports.WriteIndex(under))
	index, err := os.ReadFile(filepath.Join(under, "index.html"))
	require.NoError(t, err)
	assert.Contains(t, string(index), "measured by GuideLLM 0.8.1")
	assert.NoError(t, reports.RenderComparison(new(strings.Builder), reports.NewComparison(runs)))
}

func TestKeep_whatTheFilesDoNotTellIsUnknown(t *testing.T) {
	for by, unknown := range map[string][]string{
		"vllm bench serve": {"p99 lag at most 1 s", "max running requests at most 100", "mean time to first answer at most 9 s"},
		"GuideLLM 0.8.1":   {"p50 ITL at most 1 s", "p50 longest gap at most 1 s", "max running requests at most 100"},
		"AIPerf 0.13.0":    {"p99 lag at most 1 s", "max running requests at most 100"},
		"k6":               {"p50 TTFT at most 9 s", "p50 ITL at most 1 s", "output throughput at least 1 tokens per second", "p50 lag at most 1 s"},
	} {
		kept, err := importing.Keep(results(t)[by], rows(t, unknown...), t.TempDir())
		require.NoError(t, err, by)
		for _, v := range kept.Verdicts {
			assert.Equal(t, slo.Unknown, v.Outcome, "%s: %s %v", by, v.Text, v.Notes)
			require.NotEmpty(t, v.Notes, v.Text)
		}
		page, err := os.ReadFile(filepath.Join(kept.Dir, "report.html"))
		require.NoError(t, err)
		assert.NotContains(t, string(page), "expected just this", "nothing was expected")
	}
}

func TestKeep_whatMakesARequestGoodIsUnknownWhereTheFilesDoNotHaveIt(t *testing.T) {
	good := func(subject, expectation string) []harness.Objective {
		o, err := slo.ParseGood(subject, expectation)
		require.NoError(t, err)
		return []harness.Objective{o}
	}
	for by, of := range map[string][]harness.Objective{"vllm bench serve": good("time to first answer", "at most 9 s"), "GuideLLM 0.8.1": good("longest gap", "at most 9 s"),
		"AIPerf 0.13.0": good("lag", "at most 9 s"), "k6": good("TTFT", "at most 200 ms")} {
		asked := rows(t, "attainment at least 1%", "goodput at least 1 requests per second")
		asked.Good = of
		kept, err := importing.Keep(results(t)[by], asked, t.TempDir())
		require.NoError(t, err, by)
		for _, v := range kept.Verdicts {
			assert.Equal(t, slo.Unknown, v.Outcome, "%s: %s", by, v.Sentence())
			assert.Contains(t, strings.Join(v.Notes, "\n"), "the files of "+by+" do not have it")
		}
		asked.Good = good("E2E latency", "at most 9 s")
		kept, err = importing.Keep(results(t)[by], asked, t.TempDir())
		require.NoError(t, err, by)
		assert.Equal(t, slo.Met, kept.Verdicts[0].Outcome, "%s: %v", by, kept.Verdicts[0])
	}
}

func TestKeep_leavesNothingOfAFileThatBreaksOff(t *testing.T) {
	r := result(t, "profile_export.jsonl.gz", "profile_export_aiperf.json")
	path := filepath.Join(t.TempDir(), "a.jsonl")
	const line = `{"metadata": {"request_start_ns": 1, "request_end_ns": 9}, "metrics": {"request_latency": {"value": 1, "unit": "ms"}}}` + "\n"
	require.NoError(t, os.WriteFile(path, []byte(line+line), 0o644))
	all, err := foreign.Read([]string{path}, "")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(line+"{"), 0o644))
	under := t.TempDir()
	_, err = importing.Keep(all[0], importing.Asked{}, under)
	require.ErrorContains(t, err, "a.jsonl:2: ")
	left, err := store.Names(under)
	require.NoError(t, err)
	assert.Empty(t, left)

	kept, err := importing.Keep(r, importing.Asked{}, under)
	require.NoError(t, err)
	assert.Contains(t, kept.Headline, "Not judged")
}

func TestRows_areObjectivesInOneLine(t *testing.T) {
	all, err := importing.Rows([]string{"p95 TTFT at most 300 ms", "error rate none", "output throughput at least 1,500 tokens per second"})
	require.NoError(t, err)
	assert.Equal(t, []string{"p95 TTFT at most 300 ms", "error rate none", "output throughput at least 1,500 tokens per second"}, []string{all[0].Text, all[1].Text, all[2].Text})
	for written, says := range map[string]string{"p95 TTFFT at most 1 s": `did you mean "TTFT"?`, "p95 TTFT": "says no relation", "TTFT at most 1 s": "needs a statistic", "": "is no objective"} {
		_, err := importing.Rows([]string{written})
		assert.ErrorContains(t, err, says, written)
	}
}
