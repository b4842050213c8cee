package ledger

import (
	"math"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// interleaved looks for readings that come from several servers behind one address: a
// balancer answers each scrape by another one. Their counters are several rising
// sequences in turns. A server that is started again falls once, to next to nothing,
// and then rises; falls that land where an earlier sequence was left, or far above what
// can have been counted since, are no restart. Where the page tells when its process
// began, that decides.
type interleaved struct {
	strands map[string]*strands    // by series and label set
	starts  map[string]*startTimes // of processes, by label set
	found   bool                   // by the counters
}

func newInterleaved() interleaved {
	return interleaved{strands: map[string]*strands{}, starts: map[string]*startTimes{}}
}

// seriesStart is when a process began, in seconds since 1970.
const seriesStart = "process_start_time_seconds"

func (i *interleaved) take(s harness.Sample) {
	switch {
	case s.Series == seriesStart:
		k := LabelKey(s.Labels)
		if i.starts[k] == nil {
			i.starts[k] = new(startTimes)
		}
		i.starts[k].take(s.At, s.Value)
	case ofTheLoad(s):
		k := s.Series + " " + LabelKey(s.Labels)
		if i.strands[k] == nil {
			i.strands[k] = new(strands)
		}
		i.found = i.strands[k].take(s.At, s.Value) || i.found
	}
}

// ofTheLoad reports whether a counter rises as the load does. Others rise now and then,
// by much or by little, and how fast they do says nothing.
func ofTheLoad(s harness.Sample) bool {
	switch s.Series {
	case vllm.GenerationTokens, vllm.PromptTokens, SeriesFirstCount, SeriesLastCount:
		return true
	case SeriesFinished:
		switch s.Labels[vllm.FinishedReason] {
		case "stop", "length", vllm.AnyReason:
			return true
		}
	}
	return false
}

// several reports whether they are those of several servers, in a run that began then.
func (i *interleaved) several(start time.Time) bool {
	for _, of := range i.starts {
		if of.several(start) {
			return true
		}
	}
	return i.found && !i.restarted()
}

// restarted reports whether the page named a newer process than before.
func (i *interleaved) restarted() bool {
	for _, of := range i.starts {
		if len(of.seen) > 1 {
			return true
		}
	}
	return false
}

// startTimes are the instants at which the processes behind one address began.
type startTimes struct {
	seen     []float64       // each one once, in the order in which they came
	met      []time.Duration // when each was read first
	last     time.Duration   // the reading before
	returned bool            // to a process that another one had followed, or to one that began earlier
}

// sameStart is how far two readings of one process's beginning may lie apart: some
// exporters compute it anew from the uptime each time.
const sameStart = 2.0 // s

func (t *startTimes) take(at time.Duration, v float64) {
	defer func() { t.last = at }()
	n := len(t.seen)
	switch {
	case n == 0:
	case math.Abs(v-t.seen[n-1]) <= sameStart:
		return
	case v < t.seen[n-1]:
		t.returned = true
		return
	}
	t.seen, t.met = append(t.seen, v), append(t.met, t.last)
}

// skewMost is how far the clocks of client and server may lie apart.
const skewMost = time.Minute

// several reports whether a process followed another one that it cannot have replaced:
// it had begun well before the other one was read last.
func (t *startTimes) several(start time.Time) bool {
	if t.returned {
		return true
	}
	for i, v := range t.seen {
		began := time.UnixMilli(int64(v * 1e3))
		if i > 0 && !start.IsZero() && began.Add(skewMost).Before(start.Add(t.met[i])) {
			return true
		}
	}
	return false
}

// strands are the rising sequences that one counter's values fall into, each by its
// last value. A value goes on with the sequence of the one before, unless it falls, or
// rises far faster than the counter usually does: then with the highest that it is not
// below.
type strands struct {
	tails []float64
	now   int // the one that the last value belongs to
	at    time.Duration
	rates []float64 // of the last rises inside a sequence, by the second

	falls    []time.Duration
	switches int  // to a sequence that had been left
	landed   bool // one of them was a fall, and not to nothing
}

// What no restart makes: a fall to so great a share of what the counter had been, and to
// so many times more than it usually counts in such a time; so many falls in so short a
// time, in which no server of this kind is started again so often.
const (
	landedHigh = 0.25
	tooMany    = 10.0
	ratesLeast = 3 // that tell how fast it counts
	ratesKept  = 15
	tailsMost  = 16 // that are kept
	fallsMost  = 3
	fallsIn    = 30 * time.Second
)

// take takes a value, and reports whether they are those of several servers.
func (s *strands) take(at time.Duration, v float64) bool {
	seconds := (at - s.at).Seconds()
	s.at = at
	if len(s.tails) == 0 {
		s.tails = []float64{v}
		return false
	}
	before, into, most := s.tails[s.now], s.below(v), tooMany*s.usual()*seconds
	if v < before {
		s.falls = append(s.falls, at)
	}
	switch {
	case v < before && into >= 0: // it goes on where another sequence was left
		s.switches++
		s.landed = s.landed || v > 0
	case v < before && v >= landedHigh*before && v > most:
		return true
	case v < before || into == s.now && v-before > most:
		if s.tails = append(s.tails, v); len(s.tails) > tailsMost {
			s.tails = s.tails[1:]
		}
		into = len(s.tails) - 1
	case into != s.now && (v-before > most || len(s.rates) < ratesLeast):
		s.switches++
	default: // it passed the others by and by, if it did
		into = s.now
		if v > before && seconds > 0 {
			s.rates = append(s.rates, (v-before)/seconds)
			s.rates = s.rates[max(0, len(s.rates)-ratesKept):]
		}
	}
	s.tails[into], s.now = v, into
	n := len(s.falls)
	return s.landed && s.switches > 1 || n >= fallsMost && at-s.falls[n-fallsMost] <= fallsIn
}

// usual is how fast the counter rises, by the second; infinite as long as that is not
// known.
func (s *strands) usual() float64 {
	if len(s.rates) < ratesLeast {
		return math.Inf(1)
	}
	return slices.Sorted(slices.Values(s.rates))[len(s.rates)/2]
}

// below is the sequence whose last value is the greatest that is no more than v, that
// of the value before where it is one of them; -1 where there is none.
func (s *strands) below(v float64) int {
	best := -1
	for i, tail := range s.tails {
		if tail <= v && (best < 0 || tail > s.tails[best] || tail == s.tails[best] && i == s.now) {
			best = i
		}
	}
	return best
}
