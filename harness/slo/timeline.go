package slo

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// A timeline is what the server told of itself from one reading to the next, so
// that what happened to a request can be held against what the server did then.
// Readings of a day, one a second, make some thirty megabytes.
type timeline struct {
	shared, shareTold bool // share is known: of queue in queue and prefill, over the whole run
	share             float64
	front             *frontEnd // over the whole run; nil until somebody asks

	ticks    []tick
	last     map[string]float64 // of counters, by series and labels
	inFlight []point            // by the client's own count
	standing []int              // ticks in which the engine stood
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

// timelineOf goes through the samples of a run.
func timelineOf(run *harness.Run) *timeline {
	t := &timeline{last: map[string]float64{}}
	var now *tick
	for s := range run.Samples {
		if s.Source == "client" && s.Series == harness.SeriesInFlight {
			t.inFlight = append(t.inFlight, point{s.At, s.Value})
		}
		if s.Source != "server" {
			continue
		}
		if now == nil || now.to != s.At {
			now = t.begin(now, s.At)
		}
		now.gauge(s)
		if by, counts := t.rose(s, len(t.ticks) == 0); counts {
			now.count(s, by)
		}
	}
	t.begin(now, 0)
	for i := range t.ticks {
		t.ticks[i].inFlight = t.flightAt(t.ticks[i].to)
		if t.stood(i) {
			t.standing = append(t.standing, i)
		}
	}
	return t
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
	i, _ := slices.BinarySearchFunc(t.inFlight, at+apart, func(p point, at time.Duration) int { return int(p.at - at) })
	if i == 0 {
		return math.NaN()
	}
	return t.inFlight[i-1].v
}

func (now *tick) gauge(s harness.Sample) {
	switch s.Series {
	case "vllm:num_requests_running":
		now.running = zeroIfNaN(now.running) + s.Value
	case "vllm:num_requests_waiting":
		now.waiting = zeroIfNaN(now.waiting) + s.Value
	case "vllm:num_requests_waiting_by_reason":
		if s.Labels["reason"] == "deferred" {
			now.deferred = zeroIfNaN(now.deferred) + s.Value
		}
	case "vllm:kv_cache_usage_perc": // of several engines the fullest
		now.kv = max(zeroIfNaN(now.kv), s.Value)
	}
}

// rose is by how much a counter rose since the reading before: from zero where it
// was reset, or was not there before. What does not count is false.
func (t *timeline) rose(s harness.Sample, first bool) (by float64, counts bool) {
	name := s.Series
	if !strings.HasSuffix(name, "_total") && !strings.HasSuffix(name, "_sum") && !strings.HasSuffix(name, "_count") && !strings.HasSuffix(name, "_bucket") {
		return 0, false
	}
	k := name + " " + labelled(s.Labels)
	before := t.last[k]
	t.last[k] = s.Value
	switch {
	case first:
		return 0, false
	case s.Value < before:
		return s.Value, true
	}
	return s.Value - before, true
}

func (now *tick) count(s harness.Sample, by float64) {
	switch s.Series {
	case "vllm:num_preemptions_total":
		now.preemptions += by
	case "vllm:generation_tokens_total":
		now.output += by
	case "vllm:prompt_tokens_total":
		now.prompt += by
	case "vllm:prefix_cache_queries_total":
		now.queries += by
	case "vllm:prefix_cache_hits_total":
		now.hits += by
	case "vllm:iteration_tokens_total_count":
		now.steps += by
	case "vllm:iteration_tokens_total_sum":
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
	case "vllm:time_to_first_token_seconds":
		of = &now.first
	case "vllm:inter_token_latency_seconds":
		of = &now.gap
	case "vllm:request_queue_time_seconds":
		of = &now.queue
	case "vllm:request_prefill_time_seconds":
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

// stood reports whether the engine gave no token in a tick although it had requests
// at both its ends, or more came meanwhile. An engine that was idle when it stopped
// does not tell of those that came after that.
func (t *timeline) stood(i int) bool {
	if i < 1 || i >= len(t.ticks) {
		return false
	}
	k, before := t.ticks[i], t.ticks[i-1]
	had := k.running+zeroIfNaN(k.waiting) > 0 && before.running+zeroIfNaN(before.waiting) > 0
	return k.output == 0 && k.prompt == 0 && k.to-k.from >= time.Second/2 && k.inFlight > 0 && (had || k.inFlight > before.inFlight)
}
