package diagnose_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// slow is a request that was 100 ms late, whose headers took 50 ms more, and whose
// first token came 850 ms after them.
func slow(i int, r *harness.Record) {
	due := time.Duration(i) * 100 * time.Millisecond
	*r = runtest.Request(i, due, time.Second)
	r.Sent, r.Headers = due+100*time.Millisecond, due+150*time.Millisecond
}

func TestWhatTheServerTimesItselfIsBelieved(t *testing.T) {
	run := runtest.Of(20, func(i int, r *harness.Record) {
		slow(i, r)
		r.ServerQueue, r.ServerPrefill, r.ServerDecode = 500*time.Millisecond, 300*time.Millisecond, 30*time.Millisecond
	})
	all := diagnose.TimesOf(slo.Measure(run))
	assert.Equal(t, 20, all.Timed)
	assert.Equal(t, 20, all.All.N)
	want := diagnose.Phases{Client: .1, Network: .1, Queue: .5, Prefill: .3, Decode: .03}
	assertPhases(t, want, all.All.Phases)
	assertPhases(t, want, all.Slowest.Phases)
	assert.InDelta(t, 1.03, all.All.Total(), 1e-9, "nothing is lost between them")
	assert.Len(t, all.Moments, 2)
	assert.Equal(t, 10, all.Moments[1].N)
	raw, err := json.Marshal(all)
	require.NoError(t, err)
	assert.Contains(t, string(raw), `"queue_s":0.5`)
}

func assertPhases(t *testing.T, want, got diagnose.Phases) {
	t.Helper()
	var w, g map[string]float64
	for of, into := range map[*diagnose.Phases]*map[string]float64{&want: &w, &got: &g} {
		raw, err := json.Marshal(*of)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, into))
	}
	assert.InDeltaMapValues(t, w, g, 1e-6)
}

func TestWithoutTheServersMetricsItsTimeIsNotSplit(t *testing.T) {
	all := diagnose.TimesOf(slo.Measure(runtest.Of(20, slow)))
	assert.False(t, all.Read)
	assertPhases(t, diagnose.Phases{Client: .1, Network: .05, Server: .85, Decode: .03}, all.All.Phases)
}

// histogram is what one of the server's shows after n observations, all below a bound.
func histogram(at time.Duration, name string, n, sum, below float64) (out []harness.Sample) {
	for _, le := range []float64{.1, .5, 1, 2.5} {
		v := 0.0
		if below <= le {
			v = n
		}
		out = append(out, runtest.Counted(at, name+"_bucket", v, "le", fmt.Sprint(le)))
	}
	return append(out, runtest.Counted(at, name+"_bucket", n, "le", "+Inf"), runtest.Counted(at, name+"_sum", sum), runtest.Counted(at, name+"_count", n))
}

// watchedRun is a run beside which the server was read every second; what it tells
// of its TTFTs, queue and prefill is by the second.
func watchedRun(n int, firstBelow, queue, prefill float64, change func(int, *harness.Record)) *harness.Run {
	run := runtest.Of(n, change)
	var samples []harness.Sample
	for s := range n/10 + 3 {
		at, so := time.Duration(s)*time.Second, float64(s)
		samples = append(samples, runtest.Counted(at, "vllm:num_requests_running", 4), runtest.Counted(at, "vllm:num_requests_waiting", so), runtest.Counted(at, "vllm:kv_cache_usage_perc", .3),
			runtest.Counted(at, "vllm:generation_tokens_total", 40*so), runtest.Counted(at, "vllm:prompt_tokens_total", 160*so),
			harness.Sample{At: at, Reading: harness.Reading{Source: "client", Series: harness.SeriesInFlight, Value: 8}})
		samples = append(samples, histogram(at, "vllm:time_to_first_token_seconds", 10*so, 10*so*firstBelow/2, firstBelow)...)
		samples = append(samples, histogram(at, "vllm:request_queue_time_seconds", 10*so, 10*so*queue, queue)...)
		samples = append(samples, histogram(at, "vllm:request_prefill_time_seconds", 10*so, 10*so*prefill, prefill)...)
	}
	run.Samples = slices.Values(samples)
	return run
}

func TestTheServersHistogramsSplitItsTime(t *testing.T) {
	all := diagnose.TimesOf(slo.Measure(watchedRun(40, 1, .6, .2, slow)))
	assert.True(t, all.Read)
	assertPhases(t, diagnose.Phases{Client: .1, Network: .05, Queue: .6375, Prefill: .2125, Decode: .03}, all.All.Phases)
}

func TestWhatTheServerDoesNotKnowOfIsTheNetworks(t *testing.T) {
	run := watchedRun(40, .1, .02, .02, slow)
	all := diagnose.TimesOf(slo.Measure(run))
	assertPhases(t, diagnose.Phases{Client: .1, Network: .8, FrontEnd: .01, Queue: .045, Prefill: .045, Decode: .03}, all.All.Phases)
	v := judge(t, run, "p50 TTFT", "at most 200 ms")
	verdicts := []slo.Verdict{v}
	diagnose.Explain(verdicts, slo.Measure(run))
	assert.Contains(t, verdicts[0].Cause, "no first token later than 100 ms after a request had come")
}

func TestWhatTheServerCountsAndItsEngineDoesNotIsTheFrontEnds(t *testing.T) {
	run := watchedRun(40, 1.8, .06, .04, slow) // a mean of 900 ms until the first token; headers took 50 of them
	assertPhases(t, diagnose.Phases{Client: .1, FrontEnd: .8, Queue: .06, Prefill: .04, Decode: .03}, diagnose.TimesOf(slo.Measure(run)).All.Phases)
	verdicts := []slo.Verdict{judge(t, run, "p50 TTFT", "at most 200 ms")}
	diagnose.Explain(verdicts, slo.Measure(run))
	assert.Contains(t, verdicts[0].Cause, "requests waited in the server's front end, 800 ms on average of those that were too slow: "+
		"by its own account the first tokens of all requests took 900 ms on average, and of that 100 ms in its queue and in computing; 40 output tokens per second")
	timed := watchedRun(40, 1.8, .06, .04, func(i int, r *harness.Record) {
		slow(i, r)
		r.ServerQueue, r.ServerPrefill = 60*time.Millisecond, 40*time.Millisecond
	})
	assertPhases(t, diagnose.Phases{Client: .1, FrontEnd: .8, Queue: .06, Prefill: .04, Decode: .03}, diagnose.TimesOf(slo.Measure(timed)).All.Phases)
}

func TestALongGapAmongManyIsNotTheClients(t *testing.T) {
	run := watchedRun(40, 1, .6, .2, func(i int, r *harness.Record) { // all answers take as long, of each second one a gap is twice the others
		*r = runtest.Request(i, time.Duration(i)*100*time.Millisecond, 50*time.Millisecond)
		if i%2 > 0 {
			r.Chunks[1], r.Chunks[2] = r.Chunks[1]-5*time.Millisecond, r.Chunks[2]+5*time.Millisecond
		}
	})
	verdicts := []slo.Verdict{judge(t, run, "p90 longest gap", "at most 15 ms")}
	diagnose.Explain(verdicts, slo.Measure(run))
	assert.Equal(t, slo.Missed, verdicts[0].Outcome)
	assert.Contains(t, verdicts[0].Cause, "tokens came slowly one after the other")
}

func TestSingleGapsAreNotTheServersSpeed(t *testing.T) {
	run := watchedRun(40, 1, .6, .2, func(i int, r *harness.Record) {
		*r = runtest.Request(i, time.Duration(i)*100*time.Millisecond, 50*time.Millisecond)
		if i%2 > 0 {
			for k := 2; k < 4; k++ {
				r.Chunks[k] += 150 * time.Millisecond
			}
			r.Done = r.Chunks[3]
		}
	})
	tellsGaps(run, .010, .5)
	verdicts := []slo.Verdict{judge(t, run, "p90 longest gap", "at most 50 ms")}
	diagnose.Explain(verdicts, slo.Measure(run))
	assert.Contains(t, verdicts[0].Cause, "10 ms apart on average by the server's own account, with gaps of up to 160 ms among them: steps that compute prompts take longer, and 160 prompt tokens came per second")
}

// tellsGaps lets the server tell its gaps between tokens: their mean, and a bound.
func tellsGaps(run *harness.Run, mean, below float64) {
	samples := slices.Collect(run.Samples)
	for s := range 7 {
		n := 30 * float64(s)
		samples = append(samples, histogram(time.Duration(s)*time.Second, "vllm:inter_token_latency_seconds", n, n*mean, below)...)
	}
	slices.SortStableFunc(samples, func(a, b harness.Sample) int { return int(a.At - b.At) })
	run.Samples = slices.Values(samples)
}

func TestOneStallDoesNotExplainSlowTokens(t *testing.T) {
	run := watchedRun(40, 1, .6, .2, func(i int, r *harness.Record) {
		*r = runtest.Request(i, time.Duration(i)*100*time.Millisecond, 50*time.Millisecond)
		gap, n := 10*time.Millisecond, 200
		if i%2 > 0 {
			gap, n = 20*time.Millisecond, 20
		}
		r.Chunks = r.Chunks[:1]
		for k := 1; k < n; k++ {
			at := r.Chunks[k-1] + gap
			if i == 1 && k == 10 {
				at += 230 * time.Millisecond
			}
			r.Chunks = append(r.Chunks, at)
		}
		r.Done, r.OutputTokens = r.Chunks[n-1], n
	})
	tellsGaps(run, .015, .1)
	verdicts := []slo.Verdict{judge(t, run, "p75 TPOT", "at most 15 ms")}
	diagnose.Explain(verdicts, slo.Measure(run))
	assert.Contains(t, verdicts[0].Cause, "tokens came slowly one after the other")
}

func TestUsersWhoBeginAtOnceAreNamed(t *testing.T) {
	run := watchedRun(40, 2.5, .6, .2, func(i int, r *harness.Record) {
		slow(i, r)
		r.User = i
		if i%4 > 0 { // a later question of the same user, answered at once
			*r = runtest.Request(i, time.Duration(i)*100*time.Millisecond, 10*time.Millisecond)
			r.User = i
			return
		}
		lateness := r.Due
		r.Due, r.Sent, r.Headers = 0, r.Sent-lateness, r.Headers-lateness
	})
	run.Scenario.Load = harness.Closed{Users: 10, Requests: 40}
	verdicts := []slo.Verdict{judge(t, run, "p90 TTFT", "at most 200 ms")}
	diagnose.Explain(verdicts, slo.Measure(run))
	assert.Contains(t, verdicts[0].Cause, "10 of those 10 were the first requests of their users, who all begin at once (a warm-up leaves them out)")
	assert.NotContains(t, verdicts[0].Cause, "more came than it could answer")
}

func TestMeansOfOtherRequestsTellNothingOfTheFrontEnd(t *testing.T) {
	run := watchedRun(40, 2, .06, .04, slow)
	samples := slices.Collect(run.Samples)
	for i, s := range samples {
		if s.Series == "vllm:request_queue_time_seconds_count" {
			samples[i].Value *= .9 // one in ten never ended
		}
	}
	run.Samples = slices.Values(samples)
	all := diagnose.TimesOf(slo.Measure(run)).All
	assert.InDelta(t, .05, all.Network, 1e-9)
	assert.InDelta(t, .65, all.FrontEnd, 1e-9, "queue and prefill of each time.Second were at most 100 ms long")
}

func TestAGapThatIsLongForItsAnswerIsAStall(t *testing.T) {
	run := runtest.Of(20, func(i int, r *harness.Record) {
		*r = runtest.Request(i, time.Duration(i)*100*time.Millisecond, 50*time.Millisecond)
		r.Chunks[3] += 2 * time.Second
		r.Done = r.Chunks[3]
	})
	assertPhases(t, diagnose.Phases{Server: .05, Decode: .03, Stall: 2}, diagnose.TimesOf(slo.Measure(run)).All.Phases)
}

func TestTheQueueIsNamedWithWhatItWaitedFor(t *testing.T) {
	run := watchedRun(40, 1, .6, .2, slow)
	verdicts := []slo.Verdict{judge(t, run, "p50 TTFT", "at most 200 ms")}
	diagnose.Explain(verdicts, slo.Measure(run))
	assert.Contains(t, verdicts[0].Cause, "p50 TTFT was missed because requests waited in the server's queue, 637 ms on average")
	assert.Contains(t, verdicts[0].Because(), "all 4 places in its batch were taken, and the queue grew from 0 to 5 while KV cache usage was at most 30 %")
}

func TestAnEngineWithNothingToDoDoesNotStandStill(t *testing.T) {
	run := runtest.Of(20, func(i int, r *harness.Record) {
		*r = runtest.Request(i, time.Duration(i)*100*time.Millisecond, 50*time.Millisecond)
		r.Done, r.Failure, r.Finish = 10*time.Second, harness.Unanswered, ""
	})
	var samples []harness.Sample
	for s := range 11 {
		at := time.Duration(s) * time.Second
		running, tokens := 4.0, 80*float64(s)
		if s > 2 { // it is done, and the answers do not get through
			running, tokens = 0, 160
		}
		samples = append(samples, runtest.Counted(at, "vllm:num_requests_running", running), runtest.Counted(at, "vllm:generation_tokens_total", tokens),
			harness.Sample{At: at, Reading: harness.Reading{Source: "client", Series: harness.SeriesInFlight, Value: 20}})
	}
	run.Samples = slices.Values(samples)
	verdicts := []slo.Verdict{judge(t, run, "p50 E2E latency", "at most 1 s")}
	diagnose.Explain(verdicts, slo.Measure(run))
	assert.NotContains(t, verdicts[0].Cause, "stood still")
}

func TestNothingIsExplainedThatIsMet(t *testing.T) {
	run := runtest.Of(1000, nil)
	verdicts := []slo.Verdict{judge(t, run, "p50 TTFT", "at most 600 ms"), judge(t, run, "p50 TTFT", "at most 520 ms")}
	diagnose.Explain(verdicts, slo.Measure(run))
	assert.Empty(t, verdicts[0].Cause)
	assert.Contains(t, verdicts[1].Cause, "p50 TTFT is not known because the limit lies inside the interval")
	raw, err := json.Marshal(verdicts[1])
	require.NoError(t, err)
	assert.Contains(t, string(raw), `"cause":"p50 TTFT is not known`)
}

func BenchmarkExplain(b *testing.B) {
	run := watchedRun(100_000, 1, .6, .2, slow)
	w := slo.Measure(run)
	o, err := slo.Parse("p50 TTFT", "at most 200 ms")
	require.NoError(b, err)
	verdicts := slo.Judge(w, []harness.Objective{o})
	for b.Loop() {
		verdicts[0].Cause = ""
		diagnose.Explain(verdicts, w)
	}
}

// tokensApart is a run in which tokens come 100 ms apart, by the server's account too.
func tokensApart(more ...harness.Sample) *harness.Run {
	run := runtest.Of(40, func(i int, r *harness.Record) {
		*r = runtest.Request(i, time.Duration(i)*100*time.Millisecond, 50*time.Millisecond)
		for j := range r.Chunks {
			r.Chunks[j] += time.Duration(j) * 90 * time.Millisecond
		}
		r.Done = r.Chunks[3]
	})
	var samples []harness.Sample
	for s := range 7 {
		at, so := time.Duration(s)*time.Second, float64(s)
		samples = append(samples, runtest.Counted(at, "vllm:num_requests_running", 4), runtest.Counted(at, "vllm:generation_tokens_total", 40*so))
		samples = append(samples, histogram(at, "vllm:inter_token_latency_seconds", 30*so, 3*so, .1)...)
	}
	run.Samples = slices.Values(append(samples, more...))
	return run
}

func TestAGPUThatIsHeldBackIsNamed(t *testing.T) {
	because := func(run *harness.Run) string {
		verdicts := []slo.Verdict{judge(t, run, "p50 TPOT", "at most 20 ms")}
		diagnose.Explain(verdicts, slo.Measure(run))
		return verdicts[0].Because()
	}
	plain := because(tokensApart())
	assert.Contains(t, plain, "tokens came slowly one after the other, 100 ms apart on average by the server's own account, all the time")
	assert.NotContains(t, plain, "GPU")
	hot := harness.Sample{At: 3 * time.Second, Reading: harness.Reading{Source: "gpu", Series: "gpu_throttled_ratio", Labels: map[string]string{"gpu": "0"}, Value: 1}}
	assert.Equal(t, plain+"; heat or the hardware held back the clock of a GPU meanwhile", because(tokensApart(hot)))
}

func judge(t *testing.T, run *harness.Run, subject, expectation string) slo.Verdict {
	t.Helper()
	o, err := slo.Parse(subject, expectation)
	require.NoError(t, err)
	return slo.Judge(slo.Measure(run), []harness.Objective{o})[0]
}
