package compare_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/stats"
	"github.com/vllmspec/vllmspec/harness/store"
)

func comparison(t *testing.T, subject, expectation string) harness.Objective {
	t.Helper()
	o, err := compare.Parse(subject, expectation)
	require.NoError(t, err)
	return o
}

func TestComparison_worseAndBetterGoByTheMetric(t *testing.T) {
	for row, limit := range map[string]string{
		"p99 TTFT|at most 5% worse":            "at most 1.05",
		"p99 TTFT|at least 3%  better":         "at most 0.97",
		"output throughput|at most 5 % worse":  "at least 0.95",
		"output throughput|at least 3% better": "at least 1.03",
		"chat: p50 TPOT|at most 0% worse":      "at most 1",
	} {
		subject, expectation, _ := strings.Cut(row, "|")
		o := comparison(t, subject, expectation)
		assert.Equal(t, limit, fmt.Sprintf("%s %.4g", o.Relation, o.Limit), row)
		assert.Equal(t, subject+" "+strings.ReplaceAll(strings.Join(strings.Fields(expectation), " "), " %", "%"), o.Text)
	}
}

func TestParse_typedComparisonsAreTheCanonicalOnes(t *testing.T) {
	is := comparison(t, "p99 TTFT", "at most 5% worse")
	for _, typed := range [][2]string{{"P99 ttft", "at most 5 % worse"}, {"TTFT p99", "<= 5% worse"}, {"ttft_p99", "under 5 percent worse"}, {"p99 TTFT", "≤5% Worse"}, {"p99 TTFT", "no more than 5% worse"}, {"p99 TTFT", "At Most 5% worse"}} {
		assert.Equal(t, is, comparison(t, typed[0], typed[1]), typed)
	}
}

func TestParse_saysWhatWouldBeAComparison(t *testing.T) {
	for row, says := range map[string]string{
		"p99 TTTF|at most 5% worse":              `unknown metric "TTTF"; did you mean "TTFT"?`,
		"TTFT|at most 5% worse":                  "TTFT needs a statistic",
		"p99 TTFT|5% worse":                      `"5% worse" is no comparison; write "at most 5% worse"`,
		"p99 TTFT|at most 500 ms":                `is no comparison; write "at most 5% worse"`,
		"p99 TTFT|at most 5 worse":               `is no comparison`,
		"p99 TTFT|at least 5% worse":             `"at least 5% worse" is no limit`,
		"p99 TTFT|at most 5% better":             `"at most 5% better" is no limit`,
		"p99 TTFT|at least 100% better":          "nothing can be less than nothing",
		"output throughput|at most 100% worse":   "nothing can be less than nothing",
		"p99 TTFT|at most x% worse":              "is no quantity",
		"mean input tokens|at most 5% worse":     "neither more nor less input tokens is better",
		"chat: max KV cache usage|at most 5%":    `leave out "chat:"`,
		"chat: total preemptions|at most 5% wor": `leave out "chat:"`,
	} {
		subject, expectation, _ := strings.Cut(row, "|")
		_, err := compare.Parse(subject, expectation)
		assert.ErrorContains(t, err, says, row)
	}
}

// around are n values that spread by a share about their middle.
func around(r *rand.Rand, n int, middle, spread float64) (out []float64) {
	for range n {
		out = append(out, middle*math.Exp(spread*r.NormFloat64()))
	}
	return out
}

func verdictOf(t *testing.T, expectation string, base, now []float64) slo.Verdict {
	t.Helper()
	return compare.Judge([]compare.Row{{Objective: comparison(t, "p99 TTFT", expectation), Base: base, Now: now, Against: slo.AgainstBaseline}})[0]
}

func TestRow_isJudgedByTheWholeInterval(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	base := around(r, 6, 0.4, 0.01)
	v := verdictOf(t, "at most 5% worse", base, around(r, 6, 0.48, 0.01))
	assert.Equal(t, slo.Missed, v.Outcome)
	assert.InDelta(t, 1.2, v.Value, 0.02)
	assert.Less(t, 1.05, v.Lo)
	assert.Equal(t, 12, v.N)
	assert.Regexp(t, `^missed: p99 TTFT was 1[12]\S+ % of the baseline \[1\S+, 12\S+\], n = 12, against at most 5% worse$`, v.Sentence())
	assert.Regexp(t, `^medians 4\d\d ms and, of the baseline, [34]\d\d ms, of 6 and 6 runs; p = 0.0022 \(Mann and Whitney, two-sided\)$`, v.Notes[0])

	assert.Equal(t, slo.Met, verdictOf(t, "at most 5% worse", base, around(r, 6, 0.4, 0.01)).Outcome)
	assert.Equal(t, slo.Met, verdictOf(t, "at least 10% better", base, around(r, 6, 0.3, 0.01)).Outcome)
	assert.Equal(t, slo.Missed, verdictOf(t, "at least 10% better", base, around(r, 6, 0.4, 0.01)).Outcome)

	v = verdictOf(t, "at most 5% worse", base, around(r, 6, 0.415, 0.03))
	assert.Equal(t, slo.Unknown, v.Outcome)
	assert.Regexp(t, `the limit lies inside the interval: about \d+ more repeats on each side would decide`, v.Notes[0])
}

func TestComparison_ofRunsWithoutAnswersIsUnknown(t *testing.T) {
	all := func(v float64) []float64 { return []float64{v, v, v, v, v, v} }
	for _, paired := range []bool{false, true} {
		row := compare.Row{Objective: comparison(t, "p99 TTFT", "at most 5% worse"), Base: all(math.Inf(1)), Now: all(math.Inf(1)), Paired: paired, Against: slo.AgainstBaseline}
		v := compare.Judge([]compare.Row{row})[0]
		assert.Equal(t, slo.Unknown, v.Outcome)
		assert.True(t, math.IsNaN(v.Value))
		assert.Contains(t, v.Notes[0], "too few requests were answered")

		row.Objective, row.Base, row.Now = comparison(t, "goodput", "at most 5% worse"), all(0), all(0)
		v = compare.Judge([]compare.Row{row})[0]
		assert.Equal(t, slo.Unknown, v.Outcome)
		assert.Contains(t, v.Notes[0], "too many runs gave 0")

		row.Base = []float64{5, 5, 5, 5, 5, 5}
		v = compare.Judge([]compare.Row{row})[0]
		assert.Equal(t, slo.Missed, v.Outcome, "0 is worse than 5")
		assert.Zero(t, v.Value)
	}
	v := verdictOf(t, "at most 5% worse", all(1), all(math.Inf(1)))
	assert.Equal(t, slo.Missed, v.Outcome)
	assert.True(t, math.IsInf(v.Value, 1))
	most := []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, math.Inf(1)}
	v = verdictOf(t, "at most 5% worse", most, most)
	assert.Equal(t, 1.0, v.Value, "one such run on each side does not hide the others")
	assert.Equal(t, slo.Met, v.Outcome)
}

func TestComparison_moreThroughputIsNotWorse(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	row := compare.Row{Objective: comparison(t, "output throughput", "at most 5% worse"), Base: around(r, 5, 900, 0.01), Now: around(r, 5, 1200, 0.01), Against: slo.AgainstOther}
	v := compare.Judge([]compare.Row{row})[0]
	assert.Equal(t, slo.Met, v.Outcome)
	assert.Contains(t, v.Sentence(), "% of the other server [")
	row.Base, row.Now = row.Now, row.Base
	assert.Equal(t, slo.Missed, compare.Judge([]compare.Row{row})[0].Outcome)
}

func TestComparison_saysHowManyMoreRuns(t *testing.T) {
	v := verdictOf(t, "at most 5% worse", []float64{1}, []float64{9})
	assert.Equal(t, slo.Unknown, v.Outcome)
	assert.Contains(t, v.Notes[0], "of one run on each side it is unknown what differs from run to run: 3 more repeats on each side could decide")
	v = verdictOf(t, "at most 5% worse", []float64{1, 1, 1}, []float64{9, 9, 9})
	assert.Equal(t, slo.Unknown, v.Outcome)
	assert.Contains(t, v.Notes[0], "so few runs decide nothing, whatever they gave: 1 more repeat on each side could decide")
	v = verdictOf(t, "at most 5% worse", nil, []float64{1, 2, 3, 4, 5})
	assert.Equal(t, slo.Missed, v.Outcome, "nothing to compare with is no pass")
}

// One row is missed by four runs on each side; of several rows it must be more.
func TestRows_needMoreEvidenceTogether(t *testing.T) {
	bad := compare.Row{Objective: comparison(t, "p99 TTFT", "at most 5% worse"), Base: []float64{1, 1.01, 1.02, 1.03}, Now: []float64{9, 9.1, 9.2, 9.3}, Against: slo.AgainstBaseline}
	same := compare.Row{Objective: comparison(t, "p50 TTFT", "at most 50% worse"), Base: bad.Base, Now: bad.Base, Against: slo.AgainstBaseline}
	assert.Equal(t, slo.Missed, compare.Judge([]compare.Row{bad})[0].Outcome)
	verdicts := compare.Judge([]compare.Row{same, bad})
	assert.Equal(t, slo.Met, verdicts[0].Outcome)
	assert.Equal(t, slo.Unknown, verdicts[1].Outcome)
	assert.Contains(t, verdicts[1].Notes[0], "2 rows are judged together, and so p must be at most 0.013, not 0.014; 1 more repeat on each side could decide")
	worse := compare.Row{Objective: bad.Objective, Base: append(bad.Base, 1), Now: append(bad.Now, 9), Against: slo.AgainstBaseline}
	assert.Equal(t, slo.Missed, compare.Judge([]compare.Row{same, worse})[1].Outcome)
}

// What the runs of a pair share, such as their arrivals, hides a difference from those
// who do not look at pairs.
func TestPairs_showWhatSeedsHide(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	base, now := around(r, 8, 0.4, 0.3), make([]float64, 8)
	for i, v := range around(r, 8, 1.1, 0.005) {
		now[i] = base[i] * v
	}
	row := compare.Row{Objective: comparison(t, "p99 TTFT", "at most 5% worse"), Base: base, Now: now, Against: slo.AgainstBaseline}
	assert.Equal(t, slo.Unknown, compare.Judge([]compare.Row{row})[0].Outcome)
	row.Paired = true
	v := compare.Judge([]compare.Row{row})[0]
	assert.Equal(t, slo.Missed, v.Outcome)
	assert.Contains(t, v.Notes, "compared by pairs of runs with the same seed")
	many := slices.Repeat([]compare.Row{row}, 3)
	assert.Equal(t, slo.Missed, compare.Judge(many)[2].Outcome)
	for i := range many {
		many[i].Base, many[i].Now = base[:6], now[:6]
	}
	v = compare.Judge(many)[2]
	assert.Equal(t, slo.Unknown, v.Outcome, "six pairs cannot stand up to the correction for three rows")
	assert.Contains(t, v.Notes[0], "3 rows are judged together, and so p must be at most 0.0083")
	assert.Contains(t, v.Notes[0], "1 more repeat on each side could decide")
	row.Base, row.Now = base[:6], base[:6]
	assert.Equal(t, slo.Met, compare.Judge([]compare.Row{row, row, row})[0].Outcome, "they can show that nothing is worse")
	row.Base, row.Now = base[:5], now[:5]
	v = compare.Judge([]compare.Row{row})[0]
	assert.NotContains(t, v.Notes, "compared by pairs of runs with the same seed", "five pairs cannot decide anything, five runs on each side can")
}

func TestComparison_ofEqualRuns(t *testing.T) {
	same := []float64{0.4, 0.4, 0.4, 0.4, 0.4}
	v := verdictOf(t, "at most 0% worse", same, same)
	assert.Equal(t, slo.Met, v.Outcome)
	none := []float64{0, 0, 0, 0, 0}
	assert.Equal(t, slo.Met, verdictOf(t, "at most 5% worse", none, none).Outcome)
	unanswered := []float64{math.Inf(1), math.Inf(1), math.Inf(1), math.Inf(1), math.Inf(1)}
	v = verdictOf(t, "at most 5% worse", same, unanswered)
	assert.Equal(t, slo.Missed, v.Outcome)
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	assert.Contains(t, string(raw), `"value":null`)
}

func TestComparison_withAnUnsoundRunIsUnknown(t *testing.T) {
	verdicts := []slo.Verdict{verdictOf(t, "at most 5% worse", []float64{1, 1, 1, 1}, []float64{1, 1, 1, 1})}
	slo.Void(verdicts, nil, nil)
	assert.Equal(t, slo.Met, verdicts[0].Outcome)
	slo.Void(verdicts, []slo.Finding{{Text: "the client was late"}}, nil)
	assert.Equal(t, slo.Unknown, verdicts[0].Outcome)
	assert.Equal(t, "the client was late", verdicts[0].Notes[0])
}

// TestComparison_agreesWithBenchstat runs the real tool on files of ours: it reads them
// unchanged, and has the same medians and the same p as our comparison.
func TestComparison_agreesWithBenchstat(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	base, now := around(r, 7, 0.4, 0.05), around(r, 6, 0.43, 0.05)
	now[0] = base[0] // a tie
	row := compare.Row{Objective: comparison(t, "p99 TTFT", "at most 5% worse"), Base: base, Now: now, Against: slo.AgainstBaseline}
	var files []string
	for i, values := range [][]float64{base, now} {
		var runs []store.Measured
		for _, v := range values {
			f := measure.FigureName(row.Objective)
			f.Value = v
			runs = append(runs, store.Measured{Requests: 100, Figures: []harness.Figure{f}})
		}
		files = append(files, filepath.Join(t.TempDir(), []string{"old", "new"}[i]))
		require.NoError(t, os.WriteFile(files[i], store.Bench("Chat", map[string]string{"model": "llama-3.1-8b", "seed": "7"}, runs...), 0o644))
	}
	out, err := exec.Command("go", append([]string{"run", "golang.org/x/perf/cmd/benchstat", "-format", "csv"}, files...)...).Output()
	require.NoError(t, err)
	cells := benchstatRow(t, string(out))
	for i, values := range [][]float64{base, now} {
		centre, err := strconv.ParseFloat(cells[1+2*i], 64)
		require.NoError(t, err)
		slices.Sort(values)
		n := len(values)
		assert.InEpsilon(t, (values[(n-1)/2]+values[n/2])/2, centre, 1e-12)
		assert.Contains(t, compare.Judge([]compare.Row{row})[0].Notes[1], quantity.Format(centre, quantity.Seconds))
	}
	assert.Equal(t, fmt.Sprintf("p=%.3f n=7+6", stats.MannWhitney(base, now)), cells[6])
	assert.Contains(t, compare.Judge([]compare.Row{row})[0].Notes[1], fmt.Sprintf("p = %.2g", stats.MannWhitney(base, now)))
}

// benchstatRow is the one row of figures in what benchstat says.
func benchstatRow(t *testing.T, out string) []string {
	t.Helper()
	assert.Contains(t, out, "model: llama-3.1-8b\n")
	for _, text := range strings.Split(out, "\n") {
		if strings.HasPrefix(text, "Chat,") {
			cells, err := csv.NewReader(strings.NewReader(text)).Read()
			require.NoError(t, err)
			require.Len(t, cells, 7)
			return cells
		}
	}
	t.Fatalf("no row of figures in %s", out)
	return nil
}
