package diagnose

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/stats"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// A timeline is what the server reported of itself from one reading to the next, so
// that what happened to a request can be held against what the server did then.
// Readings of a day, one a second, make some thirty megabytes.
type timeline struct {
	shared, shareTold bool // share is known: of queue in queue and prefill, over the whole run
	share             float64
	front             *frontEnd // over the whole run; nil until it is asked for

	ticks    []tick
	counters *ledger.Counters
	first    time.Duration     // of the server's readings
	inFlight []inFlightReading // by the client's own count
	standing []int             // ticks in which the engine stood
	now      *tick             // that the next sample belongs to; nil before the first
	over     bool              // all samples were taken
}

// An inFlightReading is how many requests the client counted in flight at an instant.
type inFlightReading struct {
	at time.Duration
	v  float64
}

// A tick is the time between two readings of the server. Gauges are those of its
// end, NaN where the server does not tell; counters are by how much they rose.
type tick struct {
	from, to                    time.Duration
	running, waiting, kv        float64
	deferred                    float64 // of the waiting ones: held back by something else than room
	preemptions, output, prompt float64
	queries, hits               float64 // of the prefix cache, in tokens
	steps, stepTokens           float64 // engine steps that gave tokens, and tokens that were computed in them
	first, gap, queue, prefill  spread  // s
	inFlight                    float64 // requests, by the client's own count
}

// A spread is what a histogram gained: how many, their sum, and the least bound
// below which all of them lie; infinite where there is none.
type spread struct {
	n, sum, most float64
	below        map[float64]float64 // how many below a bound; nil once they are settled
}

func (s spread) mean() float64 { return s.sum / s.n }

func (s *spread) add(o spread) { s.n, s.sum = s.n+o.n, s.sum+o.sum }

func newTimeline() *timeline { return &timeline{counters: ledger.NewCounters()} }

// take takes a sample.
func (t *timeline) take(s harness.Sample) {
	if s.Source == "client" && s.Series == harness.SeriesInFlight {
		t.inFlight = append(t.inFlight, inFlightReading{s.At, s.Value})
	}
	if s.Source != "server" {
		return
	}
	if t.now == nil || t.now.to != s.At {
		if t.now == nil {
			t.first = s.At
		}
		t.now = t.begin(t.now, s.At)
	}
	t.now.gauge(s)
	if !metric.IsCounter(s.Series) {
		return
	}
	if by, known := t.counters.Rise(s, t.first); known {
		t.now.count(s, by)
	}
}

// end closes the last tick once all samples were taken.
func (t *timeline) end() {
	if t.over {
		return
	}
	t.over = true
	t.begin(t.now, 0)
	for i := range t.ticks {
		t.ticks[i].inFlight = t.flightAt(t.ticks[i].to)
		if t.stood(i) {
			t.standing = append(t.standing, i)
		}
	}
}

// begin ends a tick and begins the next.
func (t *timeline) begin(before *tick, at time.Duration) *tick {
	next := &tick{to: at, running: math.NaN(), waiting: math.NaN(), kv: math.NaN(), deferred: math.NaN()}
	if before != nil {
		for _, s := range []*spread{&before.first, &before.gap, &before.queue, &before.prefill} {
			s.settle()
		}
		t.ticks = append(t.ticks, *before)
		next.from = before.to
	}
	return next
}

// flightAt is how many requests were in flight; NaN where the client did not count.
func (t *timeline) flightAt(at time.Duration) float64 {
	const apart = 200 * time.Millisecond // of readings that were due at one instant
	i, _ := slices.BinarySearchFunc(t.inFlight, at+apart, func(p inFlightReading, at time.Duration) int { return int(p.at - at) })
	if i == 0 {
		return math.NaN()
	}
	return t.inFlight[i-1].v
}

func (now *tick) gauge(s harness.Sample) {
	switch s.Series {
	case vllm.NumRequestsRunning:
		now.running = stats.ZeroIfNaN(now.running) + s.Value
	case vllm.NumRequestsWaiting:
		now.waiting = stats.ZeroIfNaN(now.waiting) + s.Value
	case vllm.NumRequestsWaitingByReason:
		if s.Labels["reason"] == "deferred" {
			now.deferred = stats.ZeroIfNaN(now.deferred) + s.Value
		}
	case vllm.KVCacheUsage: // of several engines the fullest
		now.kv = max(stats.ZeroIfNaN(now.kv), s.Value)
	}
}

func (now *tick) count(s harness.Sample, by float64) {
	switch s.Series {
	case vllm.NumPreemptions:
		now.preemptions += by
	case vllm.GenerationTokens:
		now.output += by
	case vllm.PromptTokens:
		now.prompt += by
	case vllm.PrefixCacheQueries:
		now.queries += by
	case vllm.PrefixCacheHits:
		now.hits += by
	case vllm.IterationTokens + vllm.Count:
		now.steps += by
	case vllm.IterationTokens + vllm.Sum:
		now.stepTokens += by
	default:
		now.observe(s, by)
	}
}

// observe takes a part of a histogram: "…_sum", "…_count" or "…_bucket".
func (now *tick) observe(s harness.Sample, by float64) {
	i := strings.LastIndexByte(s.Series, '_')
	var of *spread
	switch s.Series[:i] {
	case vllm.TimeToFirstToken:
		of = &now.first
	case vllm.InterTokenLatency:
		of = &now.gap
	case vllm.RequestQueueTime:
		of = &now.queue
	case vllm.RequestPrefillTime:
		of = &now.prefill
	default:
		return
	}
	switch s.Series[i:] {
	case "_sum":
		of.sum += by
	case "_count":
		of.n += by
	case "_bucket":
		if le, err := strconv.ParseFloat(s.Labels["le"], 64); err == nil {
			if of.below == nil {
				of.below = map[float64]float64{}
			}
			of.below[le] += by
		}
	}
}

// settle finds the least bound below which all that a histogram gained lie.
func (s *spread) settle() {
	s.most = math.Inf(1)
	for bound, n := range s.below {
		if n >= s.n {
			s.most = min(s.most, bound)
		}
	}
	s.below = nil
}

// read reports whether the server was read before the load and at least once after.
func (t *timeline) read() bool { return len(t.ticks) > 1 }

// between are the ticks that an interval touches.
func (t *timeline) between(from, to time.Duration) []tick {
	i, _ := slices.BinarySearchFunc(t.ticks, from, func(k tick, at time.Duration) int {
		if k.to <= at {
			return -1
		}
		return 1
	})
	j := i
	for j < len(t.ticks) && t.ticks[j].from < to {
		j++
	}
	return t.ticks[i:j]
}

// stood reports whether the engine gave no token in a tick although it had requests at both
// its ends, or more came meanwhile. An engine that stopped while it was idle does not report
// the requests that came later: the client's own count shows them.
func (t *timeline) stood(i int) bool {
	if i < 1 || i >= len(t.ticks) {
		return false
	}
	k, before := t.ticks[i], t.ticks[i-1]
	had := k.running+stats.ZeroIfNaN(k.waiting) > 0 && before.running+stats.ZeroIfNaN(before.waiting) > 0
	return k.output == 0 && k.prompt == 0 && k.to-k.from >= time.Second/2 && k.inFlight > 0 && (had || k.inFlight > before.inFlight)
}

// btoi is 1 where it is so, and 0 otherwise.
func btoi(is bool) int {
	if is {
		return 1
	}
	return 0
}
