package slo

import (
	"math"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// confidence of every interval.
const confidence = 0.95

// A window is what of a run is judged: the requests due after the warm-up and
// before the load was over.
type window struct {
	run     *harness.Run
	due     []harness.Record
	seconds float64

	pooled, gapSums, gapCounts []float64 // see pool
	classes                    map[string]*window
}

func newWindow(run *harness.Run) *window {
	w := &window{run: run, seconds: (run.To - run.From).Seconds()}
	for r := range run.Records {
		if !r.Warmup && r.Due >= run.From && r.Due < run.To {
			w.due = append(w.due, r)
		}
	}
	return w
}

// class is the window of one class of the traffic; "" is all of it.
func (w *window) class(name string) *window {
	if name == "" {
		return w
	}
	if of := w.classes[name]; of != nil {
		return of
	}
	run := *w.run
	run.Records = func(yield func(harness.Record) bool) {
		for r := range w.run.Records {
			if r.Class == name && !yield(r) {
				return
			}
		}
	}
	of := newWindow(&run)
	if w.classes == nil {
		w.classes = map[string]*window{}
	}
	w.classes[name] = of
	return of
}

// sinceSent is the window as it would be had every request been due when it was
// sent.
func (w *window) sinceSent() *window {
	shifted := *w
	shifted.due = slices.Clone(w.due)
	for i := range shifted.due {
		if r := &shifted.due[i]; r.Sent != harness.Never {
			r.Due = r.Sent
		}
	}
	return &shifted
}

// An estimate is a figure, the interval in which its true value lies, and how
// many requests or readings it rests on.
type estimate struct {
	value, lo, hi float64
	n             int
	census        bool   // a fact about this run: judged by its value alone
	reason        string // why there is none
	notes         []string
}

func exact(value float64, n int) estimate {
	return estimate{value: value, lo: value, hi: value, n: n, census: true}
}

func without(reason string) estimate {
	return estimate{value: math.NaN(), lo: math.NaN(), hi: math.NaN(), reason: reason}
}

func (w *window) count(is func(*harness.Record) bool) (n int) {
	for i := range w.due {
		if is(&w.due[i]) {
			n++
		}
	}
	return n
}

const nothingDue = "no request was due in the measured window: make the load longer"

func requests(w *window) estimate {
	if len(w.due) == 0 {
		return without(nothingDue)
	}
	return exact(float64(len(w.due)), len(w.due))
}

func (w *window) perSecond(amount float64) estimate {
	if len(w.due) == 0 || w.seconds <= 0 {
		return without(nothingDue)
	}
	return exact(amount/w.seconds, len(w.due))
}

func requestRate(w *window) estimate { return w.perSecond(float64(len(w.due))) }

func requestThroughput(w *window) estimate {
	ended := 0
	for r := range w.run.Records {
		if r.OK() && r.Done >= w.run.From && r.Done < w.run.To {
			ended++
		}
	}
	return w.perSecond(float64(ended))
}

// outputThroughput counts tokens by the stamps of their chunks. Where the server
// does not tell how many a chunk holds, an answer's tokens are spread evenly.
func outputThroughput(w *window) estimate {
	tokens, counted := 0.0, false
	for r := range w.run.Records {
		if r.OutputTokens <= 0 || len(r.Chunks) == 0 {
			continue
		}
		counted = true
		even := float64(r.OutputTokens) / float64(len(r.Chunks))
		for i, at := range r.Chunks {
			if at < w.run.From || at >= w.run.To {
				continue
			}
			if len(r.ChunkTokens) == len(r.Chunks) {
				tokens += float64(r.ChunkTokens[i])
			} else {
				tokens += even
			}
		}
	}
	if !counted {
		return without("the server told no token counts: it must support stream_options.include_usage")
	}
	return w.perSecond(tokens)
}

// errorRate is a fact: these are all the requests there were.
func errorRate(w *window) estimate {
	if len(w.due) == 0 {
		return without(nothingDue)
	}
	failed := w.count((*harness.Record).Failed)
	return exact(float64(failed)/float64(len(w.due)), len(w.due))
}

// coalesced is the share of chunks whose own arrival nobody knows.
func coalesced(w *window) estimate {
	shared, chunks := 0, 0
	for i := range w.due {
		shared += w.due[i].Coalesced()
		chunks += len(w.due[i].Chunks)
	}
	if chunks == 0 {
		return without("no answer had any content")
	}
	return exact(float64(shared)/float64(chunks), chunks)
}

func attainment(w *window) estimate {
	return w.share(w.count(func(r *harness.Record) bool { return r.Good }))
}

func (w *window) share(k int) estimate {
	n := len(w.due)
	if n == 0 {
		return without(nothingDue)
	}
	lo, hi := stats.Share(k, n, confidence)
	return estimate{value: float64(k) / float64(n), lo: lo, hi: hi, n: n}
}

func goodput(w *window) estimate {
	rate := requestRate(w)
	if rate.reason != "" {
		return rate
	}
	e := attainment(w)
	e.value, e.lo, e.hi = e.value*rate.value, e.lo*rate.value, e.hi*rate.value
	return e
}

// inFlight is the mean or the greatest number of requests in flight.
func (w *window) inFlight(statistic string) estimate {
	type change struct {
		at time.Duration
		by int
	}
	var changes []change
	for r := range w.run.Records {
		if r.Sent == harness.Never || r.Done == harness.Never || r.Done < w.run.From || r.Sent >= w.run.To {
			continue
		}
		changes = append(changes, change{max(r.Sent, w.run.From), 1}, change{min(r.Done, w.run.To), -1})
	}
	if len(changes) == 0 || w.seconds <= 0 {
		return without(nothingDue)
	}
	// At one instant answers end before new requests begin.
	slices.SortFunc(changes, func(a, b change) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return a.by - b.by
	})
	area, now, most, last := 0.0, 0, 0, w.run.From
	for _, c := range changes {
		area += float64(now) * (c.at - last).Seconds()
		now, last = now+c.by, c.at
		most = max(most, now)
	}
	if statistic == "max" {
		return exact(float64(most), len(changes)/2)
	}
	return exact(area/w.seconds, len(changes)/2)
}
