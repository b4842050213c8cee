package slo

import (
	"math"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// confidence of every interval.
const confidence = 0.95

// A Window is what of a run is judged: the requests due after the warm-up and
// before the load was over, and what was sampled beside them, as counts, sums and
// order statistics. A run of any length takes a few megabytes of it.
type Window struct {
	run      *harness.Run
	from, to time.Duration
	watched  *watched
	classes  map[string]*Window // of the traffic, where it has any
	parts    []*Window          // of several runs that are judged together
	soFar    bool               // the run goes on: its requests come in the order in which they end

	seen, conversations               int // all requests, and all that began a conversation
	due, sent, answered, failed, good int
	goods                             stats.Sequence // 1 for each good one, 0 for each other
	socketless                        int            // failed for want of a socket
	ended                             int            // whole answers that ended inside, whenever they were due
	tokens                            float64        // that arrived inside
	told                              bool           // the server counts tokens
	chunks, shared                    int            // of content; those without a stamp of their own
	begun, firstShared                int            // answers that began; those whose first chunk has the stamp of the second
	lengths                           lengths
	flight                            flight
	backlog                           backlog
	recorded                          time.Duration // in flight, of all requests, between the readings of the client's own count

	figures   []figured
	chunkGaps gaps // between chunks, of all whole answers
	tokenGaps gaps // by the token, where the server tells how many a chunk holds
}

// gaps are those of all whole answers, and of each answer their sum and number.
type gaps struct {
	stats.Values
	mean   stats.Ratio
	means  stats.Sequence // of each answer
	groups stats.Groups   // one of each answer
}

// figured is a metric that each request has one value of, and the values.
type figured struct {
	Metric
	*tally
	sinceSent *tally // …had every request been due when it was sent; nil where that is the same
}

// A tally is the values of a metric. Requests that failed, or were left by their
// users, have none.
type tally struct {
	values       stats.Values
	mean         stats.Mean
	failed, left int
	order        stats.Sequence // in the order of due times; infinite where a request has none
}

// lengths are how many prompts and answers had a length that was asked for, and
// how many of them had another one.
type lengths struct {
	prompts, otherPrompts, answers, otherAnswers int
	full                                         int // answers that were to have just one length, whether somebody counted or not
	tokens, inBlocks                             int // of prompts, and those of them that a prefix cache can hold
}

// Measure goes through a run once, which must be in the order of due times.
func Measure(run *harness.Run) *Window {
	w := newWindow(run, newWatched(run))
	for s := range run.Samples {
		w.watched.take(s)
	}
	from, to := w.watched.ends()
	for r := range run.Records {
		w.seen++
		w.conversations += one(r.Turn == 0)
		if s, inside := within(&r, from, to); inside {
			w.recorded += s.end - s.begin
		}
		w.take(&r)
	}
	return w
}

func newWindow(run *harness.Run, watched *watched) *Window {
	w := &Window{run: run, from: run.From, to: run.To, watched: watched, flight: flight{from: run.From, to: run.To}}
	for _, m := range ofRequests() {
		if m.request != nil {
			f := figured{Metric: m, tally: new(tally)}
			if m.fromDue {
				f.sinceSent = new(tally)
			}
			w.figures = append(w.figures, f)
		}
	}
	w.led()
	return w
}

// rough lets what a run's requests are worth be taken from a little earlier.
func (w *Window) rough() {
	w.goods.Rough = true
	for _, g := range []*gaps{&w.chunkGaps, &w.tokenGaps} {
		g.means.Rough, g.groups.Rough = true, true
	}
	for _, f := range w.figures {
		f.order.Rough = true
		if f.sinceSent != nil {
			f.sinceSent.order.Rough = true
		}
	}
}

// led tells all that is kept in order where the load leads it: where its rate changes
// from beginning to end, what changes slowly is the load's doing.
func (w *Window) led() {
	open, ok := w.run.Scenario.Load.(harness.Open)
	if !ok || open.Steady() {
		return
	}
	w.goods.Led = true
	for _, g := range []*gaps{&w.chunkGaps, &w.tokenGaps} {
		g.means.Led, g.groups.Led = true, true
	}
	for _, f := range w.figures {
		f.order.Led = true
		if f.sinceSent != nil {
			f.sinceSent.order.Led = true
		}
	}
}

// class is the window of one class of the traffic; "" is all of it.
func (w *Window) class(name string) *Window {
	if name == "" {
		return w
	}
	of := w.classes[name]
	if of == nil {
		if w.classes == nil {
			w.classes = map[string]*Window{}
		}
		of = newWindow(w.run, w.watched)
		of.from, of.to, of.soFar = w.from, w.to, w.soFar
		if w.goods.Rough {
			of.rough()
		}
		w.classes[name] = of
	}
	return of
}

func (w *Window) seconds() float64 { return (w.to - w.from).Seconds() }

// take counts a request in.
func (w *Window) take(r *harness.Record) {
	if r.Class != "" {
		w.class(r.Class).count(r)
	}
	w.count(r)
}

// count is take without classes.
func (w *Window) count(r *harness.Record) {
	if !w.soFar {
		w.flight.take(r)
	}
	w.countArrived(r)
	w.backlog.take(r, w)
	if r.Warmup || r.Due < w.from || r.Due >= w.to {
		return
	}
	w.due++
	w.sent += one(r.Sent != harness.Never)
	w.answered += one(r.OK())
	w.failed += one(r.Failed())
	w.good += one(r.Good)
	w.goods.Add(float64(one(r.Good)))
	w.socketless += one(r.Failure == harness.OutOfSockets)
	w.chunks += len(r.Chunks)
	w.shared += r.Coalesced()
	w.begun += one(len(r.Chunks) > 0)
	w.firstShared += one(len(r.Chunks) > 1 && r.Chunks[0] == r.Chunks[1])
	w.lengths.take(r)
	for i := range w.figures {
		w.figures[i].take(r)
	}
	w.countGaps(r)
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

// countArrived counts what came inside the window, whenever it was due. Tokens go
// by the stamps of their chunks; where the server does not tell how many a chunk
// holds, an answer's are spread evenly.
func (w *Window) countArrived(r *harness.Record) {
	if r.OK() && r.Done >= w.from && r.Done < w.to {
		w.ended++
	}
	if r.OutputTokens <= 0 || len(r.Chunks) == 0 {
		return
	}
	w.told = true
	even := float64(r.OutputTokens) / float64(len(r.Chunks))
	for i, at := range r.Chunks {
		switch {
		case at < w.from || at >= w.to:
		case len(r.ChunkTokens) == len(r.Chunks):
			w.tokens += float64(r.ChunkTokens[i])
		default:
			w.tokens += even
		}
	}
}

func (w *Window) countGaps(r *harness.Record) {
	if !r.OK() || len(r.Chunks) < 2 {
		return
	}
	tokens := 0
	for i, at := range r.Chunks[1:] {
		gap := (at - r.Chunks[i]).Seconds()
		w.chunkGaps.Add(gap)
		if len(r.ChunkTokens) == len(r.Chunks) {
			n := r.ChunkTokens[i+1]
			tokens += n
			for range n {
				w.tokenGaps.Add(gap / float64(n))
			}
		}
	}
	sum := (r.Chunks[len(r.Chunks)-1] - r.Chunks[0]).Seconds()
	w.chunkGaps.mean.Add(sum, float64(len(r.Chunks)-1))
	w.chunkGaps.means.Add(sum / float64(len(r.Chunks)-1))
	gap := func(i int) float64 { return (r.Chunks[i+1] - r.Chunks[i]).Seconds() }
	w.chunkGaps.groups.Add(len(r.Chunks)-1, gap)
	if tokens > 0 {
		w.tokenGaps.mean.Add(sum, float64(tokens))
		w.tokenGaps.means.Add(sum / float64(tokens))
		w.tokenGaps.groups.Add(len(r.Chunks)-1, func(i int) float64 { return gap(i) / float64(max(1, r.ChunkTokens[i+1])) })
	}
}

func (f *figured) take(r *harness.Record) {
	v, ok := f.request(r)
	f.tally.take(v, ok, f.begins, r)
	if f.sinceSent != nil {
		v -= max(0, r.Lag()).Seconds()
		f.sinceSent.take(v, ok, f.begins, r)
	}
}

func (t *tally) take(v float64, ok, begins bool, r *harness.Record) {
	switch {
	case ok:
		t.add(v)
		t.order.Add(v)
		return
	case r.Failed() || begins && r.Failure == harness.GivenUp:
		t.failed++
	case r.Failure == harness.GivenUp:
		t.left++
	default:
		return
	}
	t.order.Add(math.Inf(1))
}

// blockTokens is how many tokens a prefix cache keeps or forgets together, unless
// the server was told otherwise.
const blockTokens = 16

// findable is the share of prompt tokens that can be found in a prefix cache: whole
// blocks, and not the last token, which is computed anyway.
func (l *lengths) findable() float64 { return float64(l.inBlocks) / float64(max(1, l.tokens)) }

func (t *tally) add(v float64) {
	t.values.Add(v)
	t.mean.Add(v)
}

func (l *lengths) take(r *harness.Record) {
	if r.PromptTokens > 0 {
		l.tokens += r.PromptTokens
		l.inBlocks += (r.PromptTokens - 1) / blockTokens * blockTokens
	}
	if r.OK() && r.RequestedPromptTokens > 0 && r.PromptTokens > 0 {
		l.prompts++
		l.otherPrompts += one(r.PromptTokens != r.RequestedPromptTokens)
	}
	l.full += one(r.OK() && r.Full)
	if r.OK() && r.Full && r.OutputTokens > 0 {
		l.answers++
		l.otherAnswers += one(r.OutputTokens != r.RequestedOutputTokens)
	}
}

// figure is a metric that each request has one value of.
func (w *Window) figure(name string) figured {
	for _, f := range w.figures {
		if f.Name == name {
			return f
		}
	}
	return figured{tally: new(tally)}
}

// Conversations is how many there were, warm-up included.
func (w *Window) Conversations() int { return w.conversations }

// Spread is the values of a metric, in its unit: of ITL the gaps between chunks,
// else one of each request that has one.
func (w *Window) Spread(metric string) *stats.Values {
	switch metric {
	case "ITL":
		return &w.chunkGaps.Values
	case "ITL per token":
		return &w.tokenGaps.Values
	}
	return &w.figure(metric).values
}
