package slo_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/reconcile"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// A replica is a server behind an address: what it had counted before the run, how
// many requests it answers in a second, and when its process began.
type replica struct {
	before, each float64
	began        float64 // s since 1970; 0: its page does not tell
	resets       int     // s after which it is started again; 0: never
}

// page is what it tells at a second of the run, its counters and its queue.
func (r replica) page(second int) []harness.Sample {
	counts, began := r.before+r.each*float64(second), r.began
	if r.resets > 0 && second >= r.resets {
		counts = r.each * float64(second-r.resets)
		began += 1e6
	}
	at := time.Duration(second) * time.Second
	out := []harness.Sample{
		runtest.Counted(at, "vllm:request_success_total", counts, "finished_reason", "stop"),
		runtest.Counted(at, "vllm:generation_tokens_total", 4*counts),
		runtest.Counted(at, "vllm:time_to_first_token_seconds_sum", .05*counts),
		runtest.Counted(at, "vllm:time_to_first_token_seconds_count", counts),
		runtest.Counted(at, "vllm:num_requests_waiting", 1),
	}
	if r.began > 0 {
		out = append(out, runtest.Counted(at, "process_start_time_seconds", began))
	}
	return out
}

// behind is a run of ten requests a second on replicas behind one address, of which a
// scrape at each second reaches one.
func behind(replicas []replica, reaches func(second int) int) *harness.Run {
	const seconds = 30
	run := runtest.Of(10*seconds, func(i int, r *harness.Record) {
		*r = runtest.Request(i, time.Duration(i)*100*time.Millisecond, 50*time.Millisecond)
	})
	run.Start = time.Unix(2e9, 0)
	var samples []harness.Sample
	for second := range seconds + 1 {
		samples = append(samples, replicas[reaches(second)].page(second)...)
	}
	run.Samples = slices.Values(samples)
	return run
}

func inTurns(n int) func(int) int { return func(second int) int { return second % n } }

func row(t *testing.T, a *ledger.Ledger, subject, expectation string) slo.Verdict {
	t.Helper()
	o, err := reconcile.Parse(subject, expectation)
	require.NoError(t, err)
	return reconcile.Judge(a, o)
}

const several = "come from several servers behind one address: list the replicas in VLLM_URL (or their pages in VLLM_METRICS_URL)"

func TestServers_severalBehindOneAddressAreUnknown(t *testing.T) {
	atRandom := func(n int) func(int) int {
		of := rand.New(rand.NewPCG(7, 7))
		return func(int) int { return of.IntN(n) }
	}
	far := []replica{{before: 20, each: 5}, {before: 90000, each: 5}}
	for name, c := range map[string]struct {
		replicas []replica
		reaches  func(int) int
	}{
		"two in turns":                             {far, inTurns(2)},
		"two in turns, the other one first":        {[]replica{far[1], far[0]}, inTurns(2)},
		"two at random":                            {far, atRandom(2)},
		"three in turns":                           {[]replica{{before: 20, each: 3}, {before: 900, each: 4}, {before: 5000, each: 3}}, inTurns(3)},
		"three at random":                          {[]replica{{before: 20, each: 3}, {before: 900, each: 4}, {before: 5000, each: 3}}, atRandom(3)},
		"two that lie close to each other":         {[]replica{{before: 5000, each: 5}, {before: 5100, each: 5}}, inTurns(2)},
		"each kept for ten seconds":                {far, func(second int) int { return second / 10 % 2 }},
		"two processes, whose counters never fall": {[]replica{{before: 100, each: 5, began: 1.9e9}, {before: 104, each: 5, began: 1.9e9 + 60}}, inTurns(2)},
		"one process after another that had begun": {[]replica{{before: 10, each: 10, began: 1.9e9}, {before: 4, each: 10, began: 1.9e9 + 60}}, func(second int) int { return second / 15 % 2 }},
		"one of many leaves their common page":     {[]replica{{before: 90000, each: 10}, {before: 60000, each: 10}}, func(second int) int { return second / 15 % 2 }},
	} {
		t.Run(name, func(t *testing.T) {
			run := behind(c.replicas, c.reaches)
			for _, row := range [][2]string{{"mean server output throughput", "at least 1 tokens per second"}, {"mean waiting requests", "at most 9"}, {"mean server TTFT", "at most 9 s"}} {
				v := judge(t, run, row[0], row[1])
				assert.Equal(t, slo.Unknown, v.Outcome, row[0])
				require.NotEmpty(t, v.Notes)
				assert.Contains(t, v.Notes[0], several)
			}
			assert.Equal(t, slo.Met, judge(t, run, "p50 TTFT", "at most 9 s").Outcome, "what the client timed is not the server's")
			if v := row(t, ledger.Of(run), "requests", "exactly"); v.Outcome == slo.Missed {
				assert.Contains(t, v.Cause.Reason(), several)
			}
		})
	}
}

func TestServers_restartedOneIsOne(t *testing.T) {
	for name, of := range map[string]replica{
		"its page does not tell":       {before: 90000, each: 10, resets: 12},
		"its page tells":               {before: 90000, each: 10, resets: 12, began: 2e9 - 500},
		"it had counted little":        {before: 3, each: 10, resets: 5},
		"it counts more than it had":   {before: 40, each: 10, resets: 3, began: 2e9 - 500},
		"it was young, and idle first": {before: 4, each: 10, resets: 20},
		"nothing happened to it":       {before: 90000, each: 10},
		"its page tells its old time":  {before: 90000, each: 10, began: 1e9},
	} {
		t.Run(name, func(t *testing.T) {
			run := behind([]replica{of}, inTurns(1))
			if of.resets > 0 { // what it was answering breaks
				breaks(run, 10*of.resets)
			}
			v := judge(t, run, "mean server output throughput", "at least 30 tokens per second")
			assert.Equal(t, slo.Met, v.Outcome, "%v", v.Notes)
			assert.InDelta(t, 40, v.Value, 2)
		})
	}
}

// breaks has one request of a run end with its connection.
func breaks(run *harness.Run, i int) {
	records := slices.Collect(run.Records)
	records[i] = runtest.Failed(records[i])
	run.Records = slices.Values(records)
}

// TestServers_anotherOnesPageIsNoRestart has a balancer that keeps to one replica for
// a while, and then to another one, whose counters are far below.
func TestServers_anotherOnesPageIsNoRestart(t *testing.T) {
	for name, c := range map[string]struct {
		replicas []replica
		change   func(*harness.Run)
		outcome  slo.Outcome
	}{
		"nothing broke":                        {[]replica{{before: 90000, each: 5}, {before: 0, each: 5}}, nil, slo.Unknown},
		"the other one was idle":               {[]replica{{before: 90000, each: 9}, {before: 0, each: 1}}, nil, slo.Unknown},
		"requests were refused by the server":  {[]replica{{before: 90000, each: 5}, {before: 0, each: 5}}, refuse, slo.Unknown},
		"its page tells that it is no new one": {[]replica{{before: 90000, each: 5, began: 1.9e9}, {before: 0, each: 5, began: 1.9e9}}, nil, slo.Unknown},
		"its page tells that it is a new one":  {[]replica{{before: 90000, each: 10, began: 1.9e9}, {before: -100, each: 10, began: 2e9 + 10}}, nil, slo.Met},
		"something broke":                      {[]replica{{before: 90000, each: 10}, {before: -100, each: 10}}, func(run *harness.Run) { breaks(run, 100) }, slo.Met},
		"nothing broke, and none is missing":   {[]replica{{before: 90000, each: 10}, {before: -90, each: 10}}, nil, slo.Met},
	} {
		t.Run(name, func(t *testing.T) {
			run := behind(c.replicas, func(second int) int { return min(1, second/10) })
			if c.change != nil {
				c.change(run)
			}
			v := judge(t, run, "mean waiting requests", "at most 9")
			assert.Equal(t, c.outcome, v.Outcome, "%v", v.Notes)
			assert.Equal(t, slo.Met, judge(t, run, "p50 TTFT", "at most 9 s").Outcome, "what the client timed is not the server's")
			if c.outcome == slo.Unknown {
				assert.Contains(t, v.Notes[0], several)
				assert.Contains(t, row(t, ledger.Of(run), "requests", "exactly").Cause.Reason(), several)
			}
		})
	}
}

// refuse has the server answer one request with 429.
func refuse(run *harness.Run) {
	records := slices.Collect(run.Records)
	records[50] = runtest.Failed(records[50])
	records[50].Failure, records[50].HTTPStatus = "http 429", 429
	run.Records = slices.Values(records)
}

// TestServers_restartedReplicaIsNoBalancer has two replicas that are listed, so that each
// reading says whose it is.
func TestServers_restartedReplicaIsNoBalancer(t *testing.T) {
	replicas := []replica{{before: 20, each: 5, resets: 9}, {before: 90000, each: 5, resets: 21}}
	run := behind(replicas, inTurns(1))
	var samples []harness.Sample
	for second := range 31 {
		for i, of := range replicas {
			for _, s := range of.page(second) {
				s.Labels["replica"] = string(rune('a' + i))
				samples = append(samples, s)
			}
		}
	}
	run.Samples = slices.Values(samples)
	breaks(run, 90)
	v := judge(t, run, "mean server output throughput", "at least 30 tokens per second")
	assert.Equal(t, slo.Met, v.Outcome, "%v", v.Notes)
}

func TestServers_figuresOfOthersRequestsAreUnknown(t *testing.T) {
	half := replica{before: 100, each: 5}
	for name, c := range map[string]struct {
		of     replica
		change func(i int, r *harness.Record)
		says   string // "": the figures stand
	}{
		"a replica of two":  {half, nil, "the client had 300 answers, and the server's metrics count 150: 150 requests were answered that the server does not count: the metrics are those of one engine or replica of several"},
		"others use it too": {replica{before: 100, each: 10.2}, nil, "6 requests that the client did not ask for: others use it meanwhile, or a proxy sends requests again; keep other traffic off it meanwhile"},
		"another one asks":  {replica{before: 100, each: 10.03}, nil, ""},
		"all of it":         {replica{before: 100, each: 10}, nil, ""},
		"users who left, and a connection that broke": {replica{before: 100, each: 10}, func(i int, r *harness.Record) {
			switch {
			case i < 20:
				r.Failure, r.Finish = harness.Canceled, ""
			case i < 30:
				r.Failure, r.Finish = harness.Reset, ""
			}
		}, ""},
		"what was cut off at the end": {replica{before: 100, each: 10}, func(i int, r *harness.Record) {
			if i >= 280 {
				r.Failure, r.Finish = harness.Unanswered, ""
			}
		}, ""},
		"more than users left": {replica{before: 100, each: 11}, func(i int, r *harness.Record) {
			if i < 20 {
				r.Failure, r.Finish = harness.Canceled, ""
			}
		}, "the server finished 50 requests"},
		"errors that it sent": {replica{before: 100, each: 8}, func(i int, r *harness.Record) {
			if i%5 == 0 {
				r.Failure, r.HTTPStatus = "http 503", 503
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			run := behind([]replica{c.of}, inTurns(1))
			if c.change != nil {
				records := slices.Collect(run.Records)
				for i := range records {
					c.change(i, &records[i])
				}
				run.Records = slices.Values(records)
			}
			v := judge(t, run, "mean server output throughput", "at least 1 tokens per second")
			if c.says == "" {
				assert.Equal(t, slo.Met, v.Outcome, "%v", v.Notes)
				return
			}
			assert.Equal(t, slo.Unknown, v.Outcome)
			assert.Contains(t, v.Notes[0], c.says)
			assert.Equal(t, slo.Met, judge(t, run, "requests", "at least 1").Outcome)
		})
	}
}

// TestServers_severalOtherModelsAreNotTheOneThatIsAsked has a page of which the readings of
// models are set apart, and those of the process are not.
func TestServers_severalOtherModelsAreNotTheOneThatIsAsked(t *testing.T) {
	for name, unlabelled := range map[string]bool{"every series names a model": false, "the process does not": true} {
		t.Run(name, func(t *testing.T) {
			run := behind([]replica{{before: 100, each: 10}}, inTurns(1))
			samples := slices.Collect(run.Samples)
			for i := range samples {
				samples[i].Source, samples[i].Labels["model_name"] = harness.OtherModels, "another"
			}
			for second := range 31 {
				if unlabelled {
					samples = append(samples, runtest.Counted(time.Duration(second)*time.Second, "process_start_time_seconds", 1e9))
				}
			}
			slices.SortStableFunc(samples, func(a, b harness.Sample) int { return int(a.At - b.At) })
			run.Samples = slices.Values(samples)
			for row, expectation := range map[string]string{"mean waiting requests": "at most 9", "mean server TTFT": "at most 9 s", "mean server output throughput": "at least 1 tokens per second"} {
				v := judge(t, run, row, expectation)
				assert.Equal(t, slo.Unknown, v.Outcome, row)
				assert.Contains(t, v.Notes[0], "are those of several models, and name none that is asked", row)
			}
			v := judge(t, run, `mean "vllm:num_requests_waiting{model_name=another}"`, "at most 9")
			assert.Equal(t, slo.Met, v.Outcome, "%v", v.Notes)
		})
	}
}
