package ledger

import (
	"maps"
	"math"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/stats"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// A Ledger has both sides of a run: what the client counted, and by how much the
// server's own counters rose from just before the load until after the last answer. It
// is a sink, so that no run has to be read again for it.
type Ledger struct {
	Client   ClientCounts
	server   map[string]float64 // by how much counters rose: by series, and of some the value of a label
	counters *Counters
	mixed    interleaved
	late     map[time.Duration]int // answers that ended when the server had been read last, or just before, by hundredths of a second
	gaps     scrapes
	run      *harness.Run // once it has ended; nil until then
}

// ClientCounts is what the client counted, warm-up included.
type ClientCounts struct {
	Asked, Answered, lost, GivenUp int // as servers count requests: of one that is pooled each input; lost began and did not end well; left were given up by their users
	HTTPErrors                     int // HTTP errors
	broken                         int // failed as they do where a server is started again: what a server refuses itself is not among them
	ByFinish                       map[string]int
	WithUsage                      int  // answers whose tokens the server reported
	Prompt, Output                 int  // their tokens
	longClips                      bool // some clip was longer than a server takes at once
	TTFT, E2E                      sum  // s, of all that had a first token, and of all answers, since they were sent
	span                           sum  // s, from the first piece of an answer to the last
	ended                          time.Duration
}

// A sum is of so many durations. It is exact, so that their order does not matter: a
// run that goes on gives them as requests end, a stored one as they were due.
type sum struct {
	N int
	v time.Duration
}

func (s *sum) add(v time.Duration) { s.N, s.v = s.N+1, s.v+v }

func (s sum) Mean() float64 { return s.v.Seconds() / float64(s.N) }

// scrapes are when the server was read.
type scrapes struct{ first, last time.Duration }

// New is the ledger of a run that is about to begin.
func New() *Ledger {
	return &Ledger{server: map[string]float64{}, counters: NewCounters(), mixed: newInterleaved(), late: map[time.Duration]int{},
		Client: ClientCounts{ByFinish: map[string]int{}}, gaps: scrapes{harness.NoTime, harness.NoTime}}
}

// Of reads a run that has ended.
func Of(run *harness.Run) *Ledger {
	a := New()
	for s := range run.Samples {
		_ = a.Sample(s) // always nil
	}
	for r := range run.Records {
		_ = a.Record(r)
	}
	a.Ended(run)
	return a
}

// Ended tells what only a run that has ended knows: when it began, and why readings of
// the server did not come.
func (a *Ledger) Ended(run *harness.Run) { a.run = run }

// Answers are what the run's interface answers with; streamed, until the run has ended.
func (a *Ledger) Answers() harness.Answers {
	if a.run == nil {
		return harness.Streamed
	}
	return a.run.Scenario.Interface.Answers
}

// Close does nothing.
func (a *Ledger) Close() error { return nil }

// Record takes a record.
func (a *Ledger) Record(r harness.Record) error {
	c := &a.Client
	if r.Failed() && (r.HTTPStatus < 400 || r.HTTPStatus >= 500) {
		c.broken++
	}
	if r.Sent == harness.NoTime {
		return nil
	}
	n := max(1, r.Inputs) // to a server each input is a request of its own
	c.Asked += n
	c.ended = max(c.ended, r.Done)
	c.longClips = c.longClips || r.Clip > vllm.ClipMost
	if len(r.Chunks) > 0 {
		c.TTFT.add(r.Chunks[0] - r.Sent)
	}
	switch {
	case r.OK():
		c.Answered += n
		c.ByFinish[finishOf(r.Finish)] += n
		c.E2E.add(r.Done - r.Sent)
		if last := len(r.Chunks) - 1; last > 0 {
			c.span.add(r.Chunks[last] - r.Chunks[0])
		}
		if r.Done+countsWithin >= a.gaps.last {
			a.late[r.Done.Truncate(10*time.Millisecond)] += n
		}
		if r.PromptTokens != harness.Unreported && (r.OutputTokens != harness.Unreported || r.Inputs > 0) {
			c.WithUsage += n
			c.Prompt += r.PromptTokens
			c.Output += max(0, r.OutputTokens)
		}
	case r.Failure == harness.Canceled:
		c.GivenUp += n
	case r.HTTPStatus >= 400:
		c.HTTPErrors++
	case r.Headers != harness.NoTime:
		c.lost += n
	}
	return nil
}

// countsWithin is how soon a server counts an answer that has ended.
const countsWithin = 100 * time.Millisecond

// finishOf is the reason as the engine counts it, which knows nothing of tools.
func finishOf(reason string) string {
	if reason == "tool_calls" {
		return "stop"
	}
	return reason
}

// Series of the server's that its account rests on, and the label by which one is
// split. Those ending in _sum are of requests that have ended.
const (
	SeriesFinished   = vllm.RequestSuccess
	SeriesPrompts    = vllm.RequestPromptTokens + vllm.Sum
	SeriesOutputs    = vllm.RequestGenerationTokens + vllm.Sum
	SeriesFirstSum   = vllm.TimeToFirstToken + vllm.Sum
	SeriesFirstCount = vllm.TimeToFirstToken + vllm.Count
	SeriesLastSum    = vllm.E2ERequestLatency + vllm.Sum
	SeriesLastCount  = vllm.E2ERequestLatency + vllm.Count
	seriesHTTP       = "http_requests_total"
)

// Sample takes a sample.
func (a *Ledger) Sample(s harness.Sample) error {
	if s.Source != "server" {
		return nil
	}
	if a.gaps.first == harness.NoTime {
		a.gaps.first = s.At
	}
	if s.At > a.gaps.last {
		a.gaps.last = s.At
		maps.DeleteFunc(a.late, func(at time.Duration, _ int) bool { return at+countsWithin < s.At })
	}
	a.mixed.take(s)
	name := s.Series
	switch s.Series {
	case SeriesFinished:
		name += " " + s.Labels[vllm.FinishedReason]
	case seriesHTTP:
		name += " " + s.Labels["status"]
	case SeriesPrompts, SeriesOutputs, SeriesFirstSum, SeriesFirstCount, SeriesLastSum, SeriesLastCount, seriesDecodeSum, seriesDecodeCount, seriesGapsSum:
	default:
		return nil
	}
	rise, _ := a.counters.Rise(s, a.gaps.first)
	a.server[name] += rise
	return nil
}

// Rise is by how much a series rose; NaN where it was never read.
func (a *Ledger) Rise(name string) float64 {
	if rise, read := a.server[name]; read {
		return rise
	}
	return math.NaN()
}

// Finished are the answers that the server brought to an end, by its own account.
func (a *Ledger) Finished() float64 {
	all := math.NaN()
	for _, reason := range []string{"stop", "length", "repetition", vllm.AnyReason} {
		if v := a.Rise(SeriesFinished + " " + reason); !math.IsNaN(v) {
			all = v + stats.ZeroIfNaN(all)
		}
	}
	return all
}

// HTTPErrors are the requests that the server answered with an HTTP error.
func (a *Ledger) HTTPErrors() float64 {
	if math.IsNaN(a.Rise(seriesHTTP+" 2xx")) && math.IsNaN(a.Rise(seriesHTTP+" 4xx")) && math.IsNaN(a.Rise(seriesHTTP+" 5xx")) {
		return math.NaN()
	}
	return stats.ZeroIfNaN(a.Rise(seriesHTTP+" 4xx")) + stats.ZeroIfNaN(a.Rise(seriesHTTP+" 5xx"))
}

// Resets is how often the server's counters began again.
func (a *Ledger) Resets() (n int) {
	for _, resets := range a.counters.resets {
		n = max(n, resets)
	}
	return n
}
