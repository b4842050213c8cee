package mockvllm_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

// A measured row is what a real vLLM server did: Llama-3.1-70B in fp8 on one
// node of H100 SXM with tensor parallelism 4, a closed loop; means in
// milliseconds. Published by ai-dynamo/aiconfigurator (silicon_sample.csv).
type measured struct {
	prompt, answer, clients int
	ttft, tpot              float64
}

func publishedRows() []measured {
	return []measured{
		{1024, 1024, 4, 80.5, 11.776}, {1024, 1024, 8, 96.34, 12.11}, {1024, 1024, 16, 121.41, 13.192}, {1024, 1024, 32, 174.8, 16.492}, {1024, 1024, 64, 256.36, 19.515},
		{1024, 8192, 4, 85.91, 11.995}, {1024, 8192, 8, 99.32, 12.656}, {1024, 8192, 16, 127.91, 14.095}, {1024, 8192, 32, 171.73, 18.386}, {1024, 8192, 64, 261.44, 23.407},
		{8192, 1024, 4, 453.29, 13.274}, {8192, 1024, 8, 582.93, 15.766}, {8192, 1024, 16, 731.5, 21.064}, {8192, 1024, 32, 1068.7, 32.824}, {8192, 1024, 64, 1744.92, 53.495},
	}
}

// repeat runs a row on the mock as it was run on the real server: all clients
// begin at once, ten requests each, lengths uniform between 80 and 100 % of the
// nominal ones.
func (row measured) repeat(t *testing.T, s *mockvllm.Server) (ttft, tpot float64) {
	draw := rand.New(rand.NewPCG(1, uint64(row.clients)))
	length := func(nominal int) int { return nominal*8/10 + draw.IntN(nominal/5+1) }
	work := make([][]body, row.clients)
	for c := range work {
		for range 10 {
			prompt := make([]int, length(row.prompt))
			for i := range prompt {
				prompt[i] = draw.IntN(100_000)
			}
			work[c] = append(work[c], body{"prompt": prompt, "max_tokens": length(row.answer), "ignore_eos": true})
		}
	}
	done := make(chan bool)
	for _, requests := range work {
		go func() {
			for _, request := range requests {
				ask(s, "/v1/completions", request)
			}
			done <- true
		}()
	}
	for range work {
		<-done
	}
	mean := func(name string) float64 {
		h := scrape(t, s)[name].GetMetric()[0].GetHistogram()
		return 1000 * h.GetSampleSum() / float64(h.GetSampleCount())
	}
	return mean("vllm:time_to_first_token_seconds"), mean("vllm:request_time_per_output_token_seconds")
}

// score runs rows on a profile and returns the mean errors of TTFT and TPOT.
// `go test -v -run AsFastAs ./mockvllm` prints every row.
func score(t *testing.T, profile mockvllm.Profile, rows []measured) (ttftError, tpotError float64) {
	t.Helper()
	t.Log("prompt answer clients   TTFT ms: real   mock        TPOT ms: real   mock")
	for _, row := range rows {
		bubble(t, mockvllm.Config{Profile: profile}, func(t *testing.T, s *mockvllm.Server) {
			ttft, tpot := row.repeat(t, s)
			dt, dp := ttft/row.ttft-1, tpot/row.tpot-1
			ttftError, tpotError = ttftError+math.Abs(dt), tpotError+math.Abs(dp)
			t.Logf("%6d %6d %7d %15.1f %6.1f %+5.1f%% %15.2f %6.2f %+5.1f%%", row.prompt, row.answer, row.clients, row.ttft, ttft, 100*dt, row.tpot, tpot, 100*dp)
		})
	}
	n := float64(len(rows))
	t.Logf("mean error: TTFT %.1f %%, TPOT %.1f %%", 100*ttftError/n, 100*tpotError/n)
	return ttftError / n, tpotError / n
}

func TestFidelity_isAsFastAsTheRealServer(t *testing.T) {
	profile, err := mockvllm.ProfileFor("llama-3.1-70b-fp8", "four H100")
	require.NoError(t, err)
	ttft, tpot := score(t, profile, publishedRows())
	assert.Less(t, ttft, 0.10)
	assert.Less(t, tpot, 0.05)
}

// TestFidelity_modelIsAsFastAsTheRealServerWhereItWasNotFitted fits A, B, C and the
// front end's share to the five rows of 1,024 in and 1,024 out only (D is what
// the kernel tables say), and is scored on the ten rows it has not seen.
func TestFidelity_modelIsAsFastAsTheRealServerWhereItWasNotFitted(t *testing.T) {
	profile, err := mockvllm.ProfileFor("llama-3.1-70b-fp8", "four H100")
	require.NoError(t, err)
	profile.A, profile.B, profile.C, profile.D, profile.Frontend = 2.28, 52.3, 58.8, 26.6, 6700*time.Microsecond
	ttft, tpot := score(t, profile, publishedRows()[5:])
	assert.Less(t, ttft, 0.10)
	assert.Less(t, tpot, 0.05)
}
