package calibrate_test

import (
	"cmp"
	"encoding/csv"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
	"github.com/vllmspec/vllmspec/mockvllm/calibrate"
)

// realRuns are those of a real vLLM, by name; testdata/README.md says how they
// were made.
func realRuns(t *testing.T, file string) map[string]calibrate.Run {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	runs := map[string]calibrate.Run{}
	for _, line := range lines[1:] {
		column := func(name string) int {
			n, err := strconv.Atoi(cmp.Or(line[slices.Index(lines[0], name)], "0"))
			require.NoError(t, err)
			return n
		}
		micros := func(name string) time.Duration { return time.Duration(column(name)) * time.Microsecond }
		run := runs[line[0]]
		run.Name = line[0]
		run.Requests = append(run.Requests, calibrate.Request{User: column("user"), Sent: micros("sent_us"), Prompt: column("prompt_tokens"), Output: column("output_tokens"),
			Cached: column("cached_tokens"), TTFT: micros("ttft_us"), TPOT: micros("tpot_us")})
		runs[run.Name] = run
	}
	return runs
}

// score prints how well a profile repeats runs and returns the mean errors.
func score(t *testing.T, p mockvllm.Profile, runs map[string]calibrate.Run, names ...string) (ttft, tpot float64) {
	t.Helper()
	rows, err := calibrate.Score(p, pick(t, runs, names...))
	require.NoError(t, err)
	t.Logf("%s on %s: prompt, in flight, TTFT ms: server, mock, error, TPOT ms: server, mock, error, run", p.Name, p.GPU)
	for _, r := range rows {
		dt, dp := r.Errors()
		t.Logf("%5.0f %6.1f %8.1f %7.1f %+6.1f%% %8.2f %6.2f %+6.1f%%  %s", r.Prompt, r.Concurrency,
			r.TTFT.Seconds()*1000, r.MockTTFT.Seconds()*1000, 100*dt, r.TPOT.Seconds()*1000, r.MockTPOT.Seconds()*1000, 100*dp, r.Run)
	}
	ttft, tpot = calibrate.MeanErrors(rows)
	t.Logf("mean error: TTFT %.1f %%, TPOT %.1f %%", 100*ttft, 100*tpot)
	return ttft, tpot
}

func pick(t *testing.T, runs map[string]calibrate.Run, names ...string) (out []calibrate.Run) {
	t.Helper()
	for _, name := range names {
		require.Contains(t, runs, name)
		out = append(out, runs[name])
	}
	return out
}

const (
	h100Runs = "testdata/one-h100.csv"
	h200Runs = "testdata/one-h200.csv"
)

// h200Fitted are the runs that the H200's profile was fitted to.
func h200Fitted() []string { return []string{"c2", "c8", "c32", "c128", "c8-long", "c64-long"} }

// TestDefaultProfile_isAsFastAsARealH100 holds it against runs to none of which
// it was fitted.
func TestDefaultProfile_isAsFastAsARealH100(t *testing.T) {
	p, err := mockvllm.ProfileFor("llama-3.1-8b", "")
	require.NoError(t, err)
	require.Equal(t, "one H100", p.GPU)
	ttft, tpot := score(t, p, realRuns(t, h100Runs), "c2", "c8", "c32", "c128", "c256", "c8-long", "c64-long", "chat", "poisson")
	assert.Less(t, ttft, 0.20)
	assert.Less(t, tpot, 0.04)
	assert.Contains(t, p.Error, said(ttft, tpot)+" over 9 runs")
}

// said is how a profile tells its errors.
func said(ttft, tpot float64) string {
	return fmt.Sprintf("TTFT %.1f %%, TPOT %.1f %%", 100*ttft, 100*tpot)
}

// TestFrontEnd_ofARealServerSaturates shows what the mock does not: under 512 users the
// server's steps are as long as the mock's, and first tokens wait a second more.
func TestFrontEnd_ofARealServerSaturates(t *testing.T) {
	runs := realRuns(t, h100Runs)
	ttft, tpot := score(t, profile(t, "llama-3.1-8b", "one H100"), runs, "c512")
	assert.Less(t, tpot, 0.05)
	assert.Greater(t, ttft, 0.5, "the mock's front end has come to saturate as well: say so in docs/mock-conformance.md")
}

func TestProfileH200_isAsFastAsARealOne(t *testing.T) {
	p, runs := profile(t, "llama-3.1-8b", "one H200"), realRuns(t, h200Runs)
	ttft, tpot := score(t, p, runs, h200Fitted()...)
	assert.Less(t, ttft, 0.12)
	assert.Less(t, tpot, 0.03)
	assert.Contains(t, p.Error, said(ttft, tpot)+" over 6 runs")
	ttft, tpot = score(t, p, runs, "chat")
	assert.Less(t, ttft, 0.20)
	assert.Less(t, tpot, 0.14)
	assert.Contains(t, p.Error, said(ttft, tpot)+" over one that it has not seen")
}

var refit = flag.Bool("refit", false, "fit the H200's profile once more: more than a minute of CPU")

// loss is what a fit makes as small as it can: how far the mock is from the server.
func loss(t *testing.T, p mockvllm.Profile, runs []calibrate.Run) (sum float64) {
	t.Helper()
	rows, err := calibrate.Score(p, runs)
	require.NoError(t, err)
	for _, row := range rows {
		ttft, tpot := row.Errors()
		sum += math.Pow(math.Log1p(ttft), 2) + math.Pow(math.Log1p(tpot), 2)
	}
	return sum
}

// TestProfileH200_isWhatAFitGives holds that the stored profile is where a fit ends: a
// coefficient that is a tenth more or less gains no more than what ends the search, and
// one that is doubled or halved is farther from the runs. With -refit it fits.
func TestProfileH200_isWhatAFitGives(t *testing.T) {
	stored, runs := profile(t, "llama-3.1-8b", "one H200"), pick(t, realRuns(t, h200Runs), h200Fitted()...)
	least := loss(t, stored, runs)
	const gain = 0.02 // a search that gains less ends
	for name, move := range map[string]func(p *mockvllm.Profile, by float64){
		"A and W":  func(p *mockvllm.Profile, by float64) { p.A, p.W = p.A*by, p.W*by },
		"B":        func(p *mockvllm.Profile, by float64) { p.B *= by },
		"C":        func(p *mockvllm.Profile, by float64) { p.C *= by },
		"D":        func(p *mockvllm.Profile, by float64) { p.D *= by },
		"Frontend": func(p *mockvllm.Profile, by float64) { p.Frontend = time.Duration(float64(p.Frontend) * by) },
	} {
		for by, most := range map[float64]float64{1 / 1.1: 1 - gain, 1.1: 1 - gain, .5: 1 + gain, 2: 1 + gain} {
			moved := stored
			move(&moved, by)
			at := loss(t, moved, runs)
			t.Logf("%s times %.2f: %.4f, in the profile %.4f", name, by, at, least)
			assert.Greater(t, at, most*least, "%s times %.2f is too near to the server", name, by)
		}
	}
	if *refit {
		fitsAgain(t, stored, runs)
	}
}

// fitsAgain fits from the H100's profile on.
func fitsAgain(t *testing.T, stored mockvllm.Profile, runs []calibrate.Run) {
	t.Helper()
	begin := profile(t, "llama-3.1-8b", "one H100")
	begin.Blocks = stored.Blocks
	got, _, err := calibrate.Fit(begin, runs)
	require.NoError(t, err)
	t.Logf("%+v", got)
	same := func(name string, stored, fitted float64) {
		assert.Less(t, math.Abs(stored/fitted-1), 0.02, "%s is %g in the profile and %g by this fit", name, stored, fitted)
	}
	same("A", stored.A, got.A)
	same("W", stored.W, got.W)
	same("B", stored.B, got.B)
	same("C", stored.C, got.C)
	same("D", stored.D, got.D)
	same("Frontend", float64(stored.Frontend), float64(got.Frontend))
}
