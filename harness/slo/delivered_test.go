package slo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

func TestJudge_loadThatEndedEarlyHasNoVerdict(t *testing.T) {
	for says, s := range map[string]harness.Shortfall{
		"it issued 12 of 1,000 requests, because the arrivals end (as in the trace \"x\"); write: When the load runs for 12 requests":               {Cause: harness.ArrivalsEnded, Issued: 12, Asked: 1000, Lasted: second, Process: `as in the trace "x"`},
		"it issued 12s of a load of 10m0s (12 requests), because the dataset ended; make the load shorter":                                          {Cause: harness.DatasetEnded, Issued: 12, Lasted: 12 * second, For: 600 * second},
		"it issued 1m0s of a load of 1m0s (90 requests), and 3 users ended early, because the dataset could not be read to its end (x.jsonl: gone)": {Cause: harness.DatasetFailed, Issued: 90, Lasted: 60 * second, For: 60 * second, Users: 3, Error: "x.jsonl: gone"},
	} {
		run := runtest.Of(1000, nil)
		run.Shortfall = &s
		for _, row := range [][2]string{{"error rate", "none"}, {"p50 TTFT", "at most 1 ms"}, {"requests", "at least 1"}} {
			v := judge(t, run, row[0], row[1])
			assert.Equal(t, slo.Unknown, v.Outcome, row)
			assert.Contains(t, v.Notes[0], says)
		}
	}
}

func TestJudge_whenAllFailedItIsMissed(t *testing.T) {
	run := runtest.Of(1000, func(_ int, r *harness.Record) { *r = runtest.Failed(*r) })
	for subject, expectation := range map[string]string{
		"error rate": "none", "p99 TTFT": "at most 10 s", "mean E2E latency": "at most 10 s", "max TTFT": "at most 10 s", "p50 ITL": "at most 1 s",
		"p50 TPOT": "between 1 ms and 1 s", "request throughput": "at least 1 per second", "output throughput": "at least 1 tokens per second", "attainment": "at least 1%", "goodput": "at least 0.1 per second",
	} {
		v := judge(t, run, subject, expectation)
		assert.Equal(t, slo.Missed, v.Outcome, "%s %s: %v", subject, expectation, v.Notes)
		assert.Positive(t, v.N, subject)
	}
	for subject, expectation := range map[string]string{
		"p50 TTFT": "at least 1 ms", "mean output tokens": "at most 10", "mean GPU power": "at most 300 W", "max concurrency": "at most 1,000",
	} {
		v := judge(t, run, subject, expectation)
		assert.Equal(t, slo.Unknown, v.Outcome, "%s %s", subject, expectation)
	}
}

func TestAudit_boundsThatTheServerDidNotKeep(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r *harness.Record)
		says   string
	}{
		"longer":               {func(r *harness.Record) { r.RequestedOutputTokens = 3 }, "1,000 of 1,000 answers were longer than the load allows"},
		"longer, by chunks":    {func(r *harness.Record) { r.RequestedOutputTokens, r.OutputTokens = 2, harness.Unreported }, "1,000 of 1,000 answers were longer than the load allows"},
		"perhaps longer":       {func(r *harness.Record) { r.RequestedOutputTokens, r.OutputTokens = 3, harness.Unreported }, ""},
		"as long":              {func(r *harness.Record) { r.RequestedOutputTokens = 4 }, ""},
		"shorter":              {func(r *harness.Record) { r.RequestedOutputTokens = 40 }, ""},
		"shorter than least":   {func(r *harness.Record) { r.RequestedMinOutputTokens = 5 }, "1,000 of 1,000 answers were shorter than the load asks for"},
		"the least":            {func(r *harness.Record) { r.RequestedMinOutputTokens = 4 }, ""},
		"full, seen as longer": {func(r *harness.Record) { r.RequestedOutputTokens, r.Full, r.OutputTokens = 2, true, harness.Unreported }, "1,000 of 1,000 answers did not have the length"},
	} {
		v := judge(t, runtest.Of(1000, func(_ int, r *harness.Record) { c.change(r) }), "error rate", "none")
		if c.says == "" {
			assert.Equal(t, slo.Met, v.Outcome, "%s: %v", name, v.Notes)
			continue
		}
		assert.Equal(t, slo.Unknown, v.Outcome, name)
		assert.Contains(t, v.Notes[0], c.says)
	}
	few := runtest.Of(1000, func(i int, r *harness.Record) {
		if r.RequestedOutputTokens = 4; i%200 == 0 {
			r.OutputTokens = 9
		}
	})
	assert.Equal(t, slo.Met, judge(t, few, "error rate", "none").Outcome)
}

func TestAudit_countsThatCannotBeRight(t *testing.T) {
	of := func(every int) *harness.Run {
		run := runtest.Of(1000, func(i int, r *harness.Record) {
			if i%every == 0 {
				r.CountFault, r.OutputTokens, r.PromptTokens = harness.CountFell, harness.Unreported, harness.Unreported
			}
		})
		run.Scenario.Good = []harness.Objective{{Metric: "TPOT", Relation: harness.AtMost, Limit: 1}}
		return run
	}
	for subject, c := range map[string]struct {
		expectation string
		outcome     slo.Outcome // where every tenth is wrong
	}{
		"output throughput": {"at least 1 tokens per second", slo.Unknown}, "p50 TPOT": {"at most 1 s", slo.Unknown}, "mean output tokens": {"at least 1", slo.Unknown},
		"mean input tokens": {"at least 1", slo.Unknown}, "attainment": {"at least 50%", slo.Unknown}, "goodput": {"at least 1 per second", slo.Unknown},
		"error rate": {"none", slo.Met}, "p50 TTFT": {"at most 10 s", slo.Met}, "request throughput": {"at least 1 per second", slo.Met},
	} {
		v := judge(t, of(10), subject, c.expectation)
		assert.Equal(t, c.outcome, v.Outcome, "%s: %v", subject, v.Notes)
		if c.outcome == slo.Unknown {
			assert.Contains(t, v.Notes[0], "the server's token counts cannot be right in 100 of 1,000 answers: a later count of one answer is below an earlier one")
		}
		assert.Equal(t, slo.Met, judge(t, of(200), subject, c.expectation).Outcome, "%s: a few are left out", subject)
	}
	assert.Equal(t, []string{"the token counts of 5 answers cannot be right and were left out: a later count of one answer is below an earlier one"}, slo.Remarks(measure.Of(of(200))))
	silent := runtest.Of(1000, func(i int, r *harness.Record) {
		if i%10 == 0 {
			r.OutputTokens = harness.Unreported
		}
	})
	assert.Contains(t, judge(t, silent, "output throughput", "at least 1 tokens per second").Notes[0], "the server sent no token counts with 100 of 1,000 answers")
}

func TestRemarks_nameHowAnswersEnded(t *testing.T) {
	run := runtest.Of(100, func(i int, r *harness.Record) {
		switch {
		case i < 10:
			r.Finish = "content_filter"
		case i < 13:
			r.Refused = true
		case i < 20:
			r.Finish = "sunset"
		}
	})
	assert.Equal(t, []string{
		`10 of 100 answers ended by a filter of content (finish reason "content_filter"): they are no errors, and those without any content have no latency`,
		"3 of 100 answers were refusals, or held one: they count as answers",
		`7 of 100 answers ended with the finish reason "sunset", which is not known here: they count as whole answers`,
	}, slo.Remarks(measure.Of(run)))
	assert.Empty(t, slo.Remarks(measure.Of(runtest.Of(100, nil))))
	filtered := runtest.Of(100, func(i int, r *harness.Record) {
		r.Finish, r.Good, r.Chunks, r.OutputTokens = "content_filter", false, nil, harness.Unreported
	})
	assert.Equal(t, slo.Met, judge(t, filtered, "error rate", "none").Outcome)
	assert.Equal(t, slo.Unknown, judge(t, filtered, "p50 E2E latency", "at most 10 s").Outcome, "what has no content is not fast")
	assert.Equal(t, slo.Missed, judge(t, filtered, "attainment", "at least 50%").Outcome)
}

// cutRun is one of which every n-th request was cut after it had waited so long, before
// anything of its answer came.
func cutRun(every int, waited time.Duration, good ...harness.Objective) *harness.Run {
	run := runtest.Of(1000, func(i int, r *harness.Record) {
		if i%every == 0 {
			*r = runtest.Failed(*r)
			r.Failure, r.Done = harness.Unanswered, r.Due+waited
		}
	})
	run.Scenario.Good = good
	return run
}

func TestCut_tookAtLeastSoLong(t *testing.T) {
	fifth := cutRun(5, 60*second)
	for row, want := range map[[2]string]slo.Outcome{
		{"p99 TTFT", "at most 10 s"}:         slo.Missed,  // they had waited for longer
		{"p99 TTFT", "at most 2 minutes"}:    slo.Unknown, // and would have for how long?
		{"p50 TTFT", "at most 900 ms"}:       slo.Met,     // they are above it, wherever they are
		{"p50 TTFT", "at most 100 ms"}:       slo.Missed,
		{"p99 E2E latency", "at least 10 s"}: slo.Met,
		{"max E2E latency", "at most 10 s"}:  slo.Missed,
		{"max E2E latency", "at most 90 s"}:  slo.Unknown,
		{"mean E2E latency", "at most 10 s"}: slo.Missed, // 12 s and more
		{"mean E2E latency", "at most 90 s"}: slo.Unknown,
		{"error rate", "none"}:               slo.Unknown,
		{"error rate", "at most 30%"}:        slo.Met,
		{"error rate", "at most 10%"}:        slo.Unknown,
		{"error rate", "at least 30%"}:       slo.Missed,
		{"attainment", "at least 90%"}:       slo.Unknown,
		{"attainment", "at least 70%"}:       slo.Met,
	} {
		v := judge(t, fifth, row[0], row[1])
		assert.Equal(t, want, v.Outcome, "%v: %v [%v, %v] %v", row, v.Value, v.Lo, v.Hi, v.Notes)
	}
	v := judge(t, fifth, "error rate", "none")
	assert.Contains(t, v.Notes[0], "200 requests had no end when we stopped waiting: whether they would have failed is not known")
	assert.Zero(t, v.Value, "of those that ended")
	impatient := harness.Objective{Metric: "TTFT", Relation: harness.AtMost, Limit: 10}
	assert.Equal(t, slo.Missed, judge(t, cutRun(5, 60*second, impatient), "attainment", "at least 90%").Outcome, "they had waited for longer than a good one may")
	assert.Equal(t, slo.Unknown, judge(t, cutRun(5, 5*second, impatient), "attainment", "at least 90%").Outcome)
	all := cutRun(1, 60*second)
	assert.Equal(t, slo.Missed, judge(t, all, "p50 E2E latency", "at most 10 s").Outcome)
	assert.Equal(t, slo.Unknown, judge(t, all, "error rate", "none").Outcome)
	assert.Equal(t, slo.Unknown, judge(t, all, "attainment", "at least 1%").Outcome)
}

func TestCut_answerThatHadBegunHasItsFirstToken(t *testing.T) {
	run := runtest.Of(1000, func(i int, r *harness.Record) {
		if i%2 == 0 {
			r.Failure, r.Finish, r.Good, r.Done = harness.Unanswered, "", false, r.Due+60*second
		}
	})
	v := judge(t, run, "p50 TTFT", "at most 600 ms")
	assert.Equal(t, slo.Met, v.Outcome)
	assert.Equal(t, 1000, v.N)
}
