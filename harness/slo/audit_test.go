package slo_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

func TestALateClient_OfWhichTheServerNoticesLittle(t *testing.T) {
	rare := runtest.Of(1000, func(i int, r *harness.Record) {
		if i%20 == 0 {
			r.Sent += 200 * time.Millisecond // 10 ms on average, of 530 ms in flight
		}
	})
	assert.Equal(t, slo.Met, judge(t, rare, "p50 ITL", "at most 10 s").Outcome)
	lateness := check(t, rare, "p99 lag of sends")
	assert.Empty(t, lateness.Reason)
	assert.Equal(t, "give the client a free core, or lower the rate", lateness.Advice)
}

func TestOurOwnLateness_DecidesNoShareOfGoodRequests(t *testing.T) {
	run := runtest.Of(1000, func(i int, r *harness.Record) {
		*r = runtest.Request(r.Seq, r.Due, 520*time.Millisecond)
		r.Sent, r.Good = r.Sent+50*time.Millisecond, false
	})
	run.Scenario.Good = []harness.Objective{{Metric: "TTFT", Relation: harness.AtMost, Limit: .5}}
	v := judge(t, run, "attainment", "at least 95%")
	assert.Equal(t, slo.Unknown, v.Outcome)
	assert.Contains(t, v.Notes[0], "the client's own lateness decides")
	run.Scenario.Good[0].Limit = .4
	assert.Equal(t, slo.Missed, judge(t, run, "attainment", "at least 95%").Outcome, "50 ms make none of them good")
}

func TestAudit_slowClientDoesNotJudgeGaps(t *testing.T) {
	together := func(delay time.Duration) *harness.Run { // every answer's third chunk came in one read with the second
		return runtest.Of(1000, func(_ int, r *harness.Record) {
			r.Chunks[2] = r.Chunks[1]
			r.ReadDelay = delay
		})
	}
	v := judge(t, together(40*time.Millisecond), "p50 ITL", "at most 40 ms")
	assert.Equal(t, slo.Met, judge(t, together(40*time.Millisecond), "p50 ITL", "at most 1 s").Outcome, "that does not decide")
	assert.Equal(t, slo.Unknown, v.Outcome)
	assert.Contains(t, v.Notes[len(v.Notes)-1], "the client was too slow to see tokens one by one: 25 % of them came in one read")
	assert.Equal(t, slo.Unknown, judge(t, together(40*time.Millisecond), "p50 longest gap", "at most 40 ms").Outcome)
	assert.Equal(t, slo.Met, judge(t, together(40*time.Millisecond), "p50 TTFT", "at most 600 ms").Outcome, "the first token has a stamp of its own")
	first := runtest.Of(1000, func(_ int, r *harness.Record) { r.Chunks[1], r.ReadDelay = r.Chunks[0], 40*time.Millisecond })
	assert.Equal(t, slo.Met, judge(t, first, "p50 TTFT", "at most 600 ms").Outcome, "that does not decide")
	v = judge(t, first, "p50 TTFT", "at most 540 ms")
	assert.Equal(t, slo.Unknown, v.Outcome)
	assert.Contains(t, v.Notes[0], "too slow to see first tokens when they came: 100 % of them came in one read with the second")
	assert.Equal(t, slo.Met, judge(t, first, "p50 E2E latency", "at most 700 ms").Outcome, "the last one has the stamp of its own")
	assert.Equal(t, slo.Met, judge(t, together(time.Millisecond), "p50 ITL", "at most 40 ms").Outcome, "the server itself sent them together")
	assert.Equal(t, slo.Met, judge(t, together(harness.NoTime), "p50 ITL", "at most 40 ms").Outcome, "nothing says otherwise")
}

func TestAudit_rareStampErrorDecidesAboutTailsOnly(t *testing.T) {
	rare := func(every int) *harness.Run { // of 4,000 chunks
		return runtest.Of(1000, func(i int, r *harness.Record) {
			if r.ReadDelay = time.Millisecond; i%every == 0 {
				r.Chunks[2], r.ReadDelay = r.Chunks[1], 60*time.Millisecond
			}
		})
	}
	for _, c := range []struct {
		every   int // requests, of which one has a chunk that was seen late
		subject string
		most    string
		outcome slo.Outcome
	}{
		{50, "p50 ITL", "at most 40 ms", slo.Met},
		{50, "p99 ITL", "at most 50 ms", slo.Unknown}, // 0.5 % of chunks, and so as many gaps that are too long
		{50, "p99 ITL", "at most 1 s", slo.Met},
		{500, "p99 ITL", "at most 50 ms", slo.Met},
		{500, "max ITL", "at most 50 ms", slo.Unknown},
		{500, "p90 longest gap", "at most 50 ms", slo.Met},
		{50, "p90 longest gap", "at most 50 ms", slo.Unknown}, // of each request one chunk in four decides
		{50, "min ITL", "at least 5 ms", slo.Unknown},         // of chunks that came together the gap is none
		{50, "mean ITL", "at most 50 ms", slo.Met},
	} {
		v := judge(t, rare(c.every), c.subject, c.most)
		assert.Equal(t, c.outcome, v.Outcome, "%+v %v", c, v.Notes)
	}
	first := runtest.Of(1000, func(i int, r *harness.Record) {
		if r.ReadDelay = time.Millisecond; i%50 == 0 {
			r.Chunks[1], r.ReadDelay = r.Chunks[0], 60*time.Millisecond
		}
	})
	assert.Equal(t, slo.Unknown, judge(t, first, "p95 TTFT", "at most 1010 ms").Outcome)
	assert.Equal(t, slo.Met, judge(t, first, "p95 TTFT", "at most 1100 ms").Outcome)
	assert.Equal(t, slo.Met, judge(t, first, "p95 TPOT", "at most 40 ms").Outcome, "60 ms are 20 in a mean of three gaps")
	assert.Equal(t, slo.Unknown, judge(t, first, "p95 TPOT", "at most 25 ms").Outcome)
}

// watching adds what the client saw of itself, at the beginning and the end.
func watching(run *harness.Run, series string, source string, values ...float64) {
	samples := slices.Collect(run.Samples)
	for i, v := range values {
		at := time.Duration(i) * run.To / time.Duration(max(1, len(values)-1))
		samples = append(samples, harness.Sample{At: at, Reading: harness.Reading{Source: source, Series: series, Value: v}})
	}
	run.Samples = slices.Values(samples)
}

// check is a question of the client's audit of itself.
func check(t *testing.T, run *harness.Run, name string) slo.Check {
	t.Helper()
	for _, c := range slo.Checks(measure.Of(run)) {
		if c.Name == name {
			return c
		}
	}
	require.Fail(t, "there is no check "+name)
	return slo.Check{}
}

func sound() *harness.Run { // 100 s; each request takes 100.5 ms and 30 ms on average
	run := runtest.Of(1000, nil)
	for r := range run.Records {
		run.Length = max(run.Length, r.Done)
	}
	return run
}

func TestAudit_ofTheClient(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*harness.Run)
		says   string
	}{
		"all its CPU": {func(run *harness.Run) {
			watching(run, "process_cpu_seconds", "client", 10, 209)
			watching(run, "cpus_available", "client", 2, 2)
		}, "the client used all the CPU that it may use (1.99 of 2 cores available)"},
		"no sockets": {func(run *harness.Run) {
			records := slices.Collect(run.Records)
			records[7] = runtest.Failed(records[7])
			records[7].Failure = harness.OutOfSockets
			run.Records = slices.Values(records)
		}, "the client had no socket for 1 request: raise its limit of open files"},
		"Little's law": {func(run *harness.Run) { watching(run, harness.SeriesInFlightSeconds, "client", 0, 2000) },
			"by the client's own count 20 requests were in flight on average, by what it recorded of them 5."},
	} {
		t.Run(name, func(t *testing.T) {
			run := sound()
			require.Empty(t, slo.Audit(measure.Of(run)))
			c.change(run)
			reasons := slo.Audit(measure.Of(run))
			require.Len(t, reasons, 1)
			assert.Contains(t, reasons[0].Text, c.says)
			assert.Equal(t, slo.Unknown, judge(t, run, "p50 TTFT", "at most 10 s").Outcome)
		})
	}
}

// Stamps of our own are late by as long as we stood still; those of the kernel are not.
func TestAClientThatStoodStill_VoidsWhatItsStampsCouldChange(t *testing.T) {
	stalled := func(run *harness.Run) {
		watching(run, harness.SeriesStalled, "client", 0, 62)
		watching(run, harness.SeriesWakeUpLate, "client", 0, .075)
		watching(run, "cpu_throttled_seconds", "client", 3, 65)
	}
	collecting := func(run *harness.Run) { watching(run, "gc_pause_max_seconds", "client", 0, .3, 0) }
	for _, c := range []struct {
		name, says, most string
		change           func(*harness.Run)
	}{
		{"stalled", "the client could not run for 62 % of the time, up to 75 ms at once, and that decides (its container's CPU limit held it for 62 % of the time); give it more CPU", "at most 550 ms", stalled},
		{"collecting", "the client's garbage collection stopped it for up to 300 ms, and that decides", "at most 700 ms", collecting},
	} {
		run := sound()
		c.change(run)
		assert.Empty(t, slo.Audit(measure.Of(run)), c.name)
		v := judge(t, run, "p50 TTFT", c.most)
		assert.Equal(t, slo.Unknown, v.Outcome, c.name)
		assert.Contains(t, v.Notes[0], c.says)
		assert.Equal(t, slo.Met, judge(t, run, "p50 TTFT", "at most 10 s").Outcome, c.name)
		assert.Equal(t, slo.Met, judge(t, run, "error rate", "none").Outcome, c.name)

		byKernel := runtest.Of(1000, func(_ int, r *harness.Record) { r.ReadDelay = time.Millisecond })
		c.change(byKernel)
		assert.Equal(t, slo.Met, judge(t, byKernel, "p50 TTFT", c.most).Outcome, c.name)
	}
}

func TestAClientNearItsLimits_SaysSoAndVoidsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*harness.Run)
		advice string
	}{
		"files in use": {func(run *harness.Run) {
			watching(run, "open_files", "client", 7, 1010, 8)
			watching(run, "open_files_limit", "client", 1024, 1024)
		}, "raise its limit of open files (ulimit -n)"},
		"ports in use": {func(run *harness.Run) {
			watching(run, "ports_used", "client", 28_000)
			watching(run, "ports_available", "client", 28_232)
		}, "raise the range of ports (net.ipv4.ip_local_port_range)"},
	} {
		run := sound()
		c.change(run)
		assert.Equal(t, c.advice, check(t, run, name).Advice)
		assert.Empty(t, slo.Audit(measure.Of(run)), "none failed for want of it")
		assert.Equal(t, slo.Met, judge(t, run, "p50 TTFT", "at most 10 s").Outcome)
	}
}

func TestChecks_sayWhatWasLookedAt(t *testing.T) {
	run := runtest.Of(1000, nil)
	watching(run, harness.SeriesStalled, "client", 0, 3)
	watching(run, harness.SeriesInFlightSeconds, "client", 0, 540)
	watching(run, "process_cpu_seconds", "client", 0, 20)
	watching(run, "cpus_available", "client", .5)
	var found []string
	for _, c := range slo.Checks(measure.Of(run)) {
		assert.Empty(t, c.Reason, c.Name)
		found = append(found, c.Name+": "+c.Value)
	}
	assert.Equal(t, []string{"requests sent: 100 %", "p99 lag of sends: 0 ms", "time in which the client could not run: 3 %, up to 0 ms at once",
		"CPU used: 0.2 of 0.5 cores available", "requests without a socket: 0", "in flight, counted and by Little's law: 5.4 and 5.29"}, found)
}

func TestFinding_voidsTheRowsThatItCovers(t *testing.T) {
	good := []harness.Objective{{Metric: "TPOT"}}
	for metric, by := range map[string][]slo.Scope{
		"TTFT":                  {slo.ClientTimes, slo.CachedWork},
		"TPOT":                  {slo.ClientTimes, slo.LoadShape, slo.CachedWork, slo.Gaps},
		"ITL":                   {slo.ClientTimes, slo.LoadShape, slo.CachedWork, slo.Gaps},
		"attainment":            {slo.ClientTimes, slo.LoadShape, slo.CachedWork, slo.Gaps},
		"output throughput":     {slo.ClientTimes, slo.LoadShape, slo.CachedWork},
		"KV cache usage":        {slo.LoadShape, slo.CachedWork, slo.ServerFigures},
		"server TTFT":           {slo.LoadShape, slo.CachedWork, slo.ServerFigures},
		"prefix cache hit rate": {slo.ServerFigures},
		"preemptions":           {slo.LoadShape, slo.CachedWork, slo.ServerFigures},
		"error rate":            {},
		"requests":              {},
		"lag":                   {},
	} {
		for _, scope := range []slo.Scope{slo.ClientTimes, slo.LoadShape, slo.ServerFigures, slo.CachedWork, slo.Gaps} {
			assert.Equal(t, slices.Contains(by, scope), slo.Finding{Voids: scope}.Covers(metric, good), "%s, scope %d", metric, scope)
		}
		assert.True(t, slo.Finding{Voids: slo.WholeRun}.Covers(metric, good), metric)
	}
	assert.False(t, slo.Finding{Voids: slo.Gaps}.Covers("attainment", []harness.Objective{{Metric: "TTFT"}}))
}
