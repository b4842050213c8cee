package measure

import (
	"math"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/measure/answers"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// Confidence of every interval.
const Confidence = 0.95

// A Window is what of a run is judged: the requests due after the warm-up and
// before the load was over, and what was sampled beside them, as counts, sums and
// order statistics. A run of any length takes a few megabytes of it.
type Window struct {
	Run      *harness.Run
	From, To time.Duration
	Sampled  *Sampled
	ledger   *ledger.Ledger     // of client and server; nil where the run goes on
	classes  map[string]*Window // of the traffic, where it has any
	parts    []*Window          // of several runs that are judged together
	GoesOn   bool               // the run goes on: its requests come in the order in which they end

	seen, conversations               int // all requests, and all that began a conversation
	Due, Sent, Answered, Failed, Good int
	cut, maybe                        int                 // requests that we ended ourselves; those of them that might have come to be good
	TokenCounts                       answers.TokenCounts // of the server's
	Endings                           answers.Endings     // of answers
	goods                             stats.Sequence      // 1 for each good one, 0 for each other
	goodOnTime                        int                 // at best, had every request been sent when it was due
	isGood                            func(*harness.Record) bool
	late                              lateness
	WithoutSocket                     int           // failed for want of a socket
	ended, inputs, prompts            int           // whole answers that ended inside, whenever they were due; their inputs, and prompt tokens
	clips                             time.Duration // how long the clips of those answers are together
	tokens                            float64       // that arrived inside
	told                              bool          // the server counts tokens
	Chunks, SharedStamps              int           // of content; those without a stamp of their own
	Begun, FirstShared                int           // answers that began; those whose first chunk has the stamp of the second
	Lengths                           Lengths
	Streams                           Streams
	judgedPrompts, allPrompts         shared
	flight                            flight
	backlog                           backlog
	InFlightTime                      time.Duration // in flight, of all requests, between the readings of the client's own count

	figures   []values
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

// values is a metric that each request has one value of, and the values.
type values struct {
	metric.Metric
	of     metric.PerRequest
	begins bool // …which is known once an answer has begun: who leaves before has waited in vain
	*tally
	onTime *tally // …at best, had every request been sent when it was due; nil where that is the same
}

// A tally is the values of a metric. Requests that failed, or were left by their
// users, have none.
type tally struct {
	values       stats.Values
	mean         stats.Mean
	waits        stats.Values // how long requests that we cut had waited: their values are at least as much
	atLeast      stats.Mean   // of values and waits, where there are waits
	failed, left int
	order        stats.Sequence // in the order of due times; infinite where a request has none
}

// Lengths are how many prompts and answers had a length that was asked for, and
// how many of them had another one.
type Lengths struct {
	Prompts, OtherPrompts, Answers, OtherAnswers int
	Full                                         int // answers that were to have just one length, whether they were counted or not
	answers.Bounds
	Tokens, inBlocks int // of prompts, and those of them that a prefix cache can hold
}

// Of reads a run once, which must be in the order of due times.
func Of(run *harness.Run) *Window {
	m := NewMeasurement(run)
	run.Each(m)
	return m.Window
}

func newWindow(run *harness.Run, watched *Sampled) *Window {
	w := &Window{Run: run, From: run.From, To: run.To, Sampled: watched, flight: flight{from: run.From, to: run.To}, isGood: metric.GoodRequest(run.Scenario.Good)}
	for _, m := range append(metric.Metrics(), metric.OwnOf(run.Scenario.Objectives, run.Scenario.Good)...) {
		if of := m.PerRequest(); of != nil {
			f := values{Metric: m, of: of, begins: m.Begins(), tally: new(tally)}
			if m.IsFromDue() {
				f.onTime = new(tally)
			}
			w.figures = append(w.figures, f)
		}
	}
	w.detrend()
	return w
}

// approximate reuses an effective sample size that was computed a little earlier, for a
// run that goes on and is measured again and again.
func (w *Window) approximate() {
	w.goods.Approximate = true
	for _, g := range []*gaps{&w.chunkGaps, &w.tokenGaps} {
		g.means.Approximate, g.groups.Approximate = true, true
	}
	for _, f := range w.figures {
		f.order.Approximate = true
		if f.onTime != nil {
			f.onTime.order.Approximate = true
		}
	}
}

// detrend takes the slow changes out of all sequences where the offered load changes from
// beginning to end: then they follow the load, and are no autocorrelation.
func (w *Window) detrend() {
	open, ok := w.Run.Scenario.Load.(harness.Open)
	if !ok || open.Steady() {
		return
	}
	w.goods.Detrend = true
	for _, g := range []*gaps{&w.chunkGaps, &w.tokenGaps} {
		g.means.Detrend, g.groups.Detrend = true, true
	}
	for _, f := range w.figures {
		f.order.Detrend = true
		if f.onTime != nil {
			f.onTime.order.Detrend = true
		}
	}
}

// Class is the window of one class of the traffic; "" is all of it.
func (w *Window) Class(name string) *Window {
	if name == "" {
		return w
	}
	of := w.classes[name]
	if of == nil {
		if w.classes == nil {
			w.classes = map[string]*Window{}
		}
		of = newWindow(w.Run, w.Sampled)
		of.From, of.To, of.GoesOn = w.From, w.To, w.GoesOn
		if w.goods.Approximate {
			of.approximate()
		}
		w.classes[name] = of
	}
	return of
}

func (w *Window) Seconds() float64 { return (w.To - w.From).Seconds() }

// take counts a request in.
func (w *Window) take(r *harness.Record) {
	late := w.late.bound(r) // of those that are not judged too, and of all classes: others waited behind them
	if r.Class != "" {
		w.Class(r.Class).count(r, late)
	}
	w.count(r, late)
}

// count is take without classes. The request, or one that was in flight with it, was
// sent so late.
func (w *Window) count(r *harness.Record, late time.Duration) {
	if !w.GoesOn {
		w.flight.take(r)
	}
	w.countArrived(r)
	w.backlog.take(r, w)
	w.allPrompts.take(r)
	if r.Warmup || r.Due < w.From || r.Due >= w.To {
		return
	}
	w.Due++
	w.Sent += one(r.Sent != harness.NoTime)
	w.Answered += one(r.OK())
	w.Failed += one(r.Failed())
	w.Good += one(r.Good)
	if !r.Cut() { // they stand together at the end, and tell nothing of how the others depend on each other
		w.goods.Add(float64(one(r.Good)))
	}
	w.WithoutSocket += one(r.Failure == harness.OutOfSockets)
	w.countStamps(r)
	w.cut += one(r.Cut())
	w.maybe += one(w.couldBeGood(r))
	w.TokenCounts.Take(r)
	w.Endings.Take(r)
	w.Lengths.take(r)
	w.Streams.take(r)
	best := onTime(r, late)
	w.judgedPrompts.take(r)
	for i := range w.figures {
		w.figures[i].take(r, best)
	}
	w.goodOnTime += one(r.Good || best != r && w.isGood(best))
	w.countGaps(r)
}

// countStamps counts the chunks of an answer of which each is known.
func (w *Window) countStamps(r *harness.Record) {
	if r.Seen != harness.SeenEach {
		return
	}
	w.Chunks += len(r.Chunks)
	w.SharedStamps += r.Coalesced()
	w.Begun += one(len(r.Chunks) > 0)
	w.FirstShared += one(len(r.Chunks) > 1 && r.Chunks[0] == r.Chunks[1])
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

// countArrived counts what came inside the window, whenever it was due. Tokens of a request
// that failed are of no use to who asked.
func (w *Window) countArrived(r *harness.Record) {
	if r.OK() && r.Done >= w.From && r.Done < w.To {
		w.ended++
		w.inputs, w.prompts, w.clips = w.inputs+max(0, r.Inputs), w.prompts+max(0, r.PromptTokens), w.clips+max(0, r.Clip)
	}
	if r.OutputTokens <= 0 || !r.HasContent() || r.Failed() {
		return
	}
	w.told = true
	for at, tokens := range metric.Arrivals(r) {
		if at >= w.From && at < w.To {
			w.tokens += tokens
		}
	}
}

func (w *Window) countGaps(r *harness.Record) {
	if !r.OK() || len(r.Chunks) < 2 || r.Seen != harness.SeenEach {
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

// take takes a request, and what it would have been at best.
func (f *values) take(r, onTime *harness.Record) {
	v, ok := f.of.Value(r)
	f.tally.take(v, ok, f.waited(r), f.begins, r)
	if f.onTime != nil {
		if onTime != r {
			v, ok = f.of.Value(onTime)
		}
		f.onTime.take(v, ok, f.waited(onTime), f.begins, r)
	}
}

func (t *tally) take(v float64, ok bool, waited float64, begins bool, r *harness.Record) {
	switch {
	case ok:
		t.add(v)
		t.order.Add(v)
		return
	case r.Cut():
		t.cut(waited)
		return
	case r.Failed() || begins && r.Failure == harness.Canceled:
		t.failed++
	case r.Failure == harness.Canceled:
		t.left++
	default:
		return
	}
	t.order.Add(math.Inf(1))
}

// blockTokens is how many tokens a prefix cache keeps or forgets together, unless
// the server was set otherwise.
const blockTokens = 16

// Findable is the share of prompt tokens that can be found in a prefix cache: whole
// blocks, and not the last token, which is computed anyway.
func (l *Lengths) Findable() float64 { return float64(l.inBlocks) / float64(max(1, l.Tokens)) }

func (t *tally) add(v float64) {
	t.values.Add(v)
	t.mean.Add(v)
	if t.waits.N() > 0 {
		t.atLeast.Add(v)
	}
}

func (l *Lengths) take(r *harness.Record) {
	if r.PromptTokens > 0 {
		l.Tokens += r.PromptTokens
		l.inBlocks += (r.PromptTokens - 1) / blockTokens * blockTokens
	}
	l.Bounds.Take(r)
	if r.OK() && r.RequestedPromptTokens > 0 && r.PromptTokens > 0 {
		l.Prompts++
		l.OtherPrompts += one(r.PromptTokens != r.RequestedPromptTokens)
	}
	if len(r.Chunks) == 0 {
		return // a filter kept it back, or it failed
	}
	l.Full += one(r.OK() && r.Full)
	if r.OK() && r.Full && r.OutputTokens > 0 {
		l.Answers++
		l.OtherAnswers += one(r.OutputTokens != r.RequestedOutputTokens)
	} else if r.OK() && r.Full && r.LeastTokens() > r.RequestedOutputTokens {
		l.Answers++ // not counted, but seen to be longer
		l.OtherAnswers++
	}
}

// figure is what each request has one value of.
func (w *Window) figure(of metric.PerRequest) values {
	for _, f := range w.figures {
		if f.Measures(of) {
			return f
		}
	}
	return values{tally: new(tally)}
}

// Mean is that of what each request has one value of.
func (w *Window) Mean(of metric.PerRequest) float64 { return w.figure(of).mean.Mean() }

// Values are what each request has one of, in their unit.
func (w *Window) Values(of metric.PerRequest) *stats.Values { return &w.figure(of).values }

// Conversations is how many there were, warm-up included.
func (w *Window) Conversations() int { return w.conversations }

// Spread is [Window.Values] of a metric by its name; of ITL it is the gaps between chunks.
func (w *Window) Spread(name string) *stats.Values {
	m, _ := metric.Lookup(name)
	switch of := m.Source.(type) {
	case metric.PerRequest:
		return w.Values(of)
	case metric.Gap:
		return &w.gapsOf(of).Values
	}
	return new(stats.Values)
}
