package diagnose

import (
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/fleet"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// An inquiry compares the requests that were too slow for a limit with the others,
// and remembers when they were.
type inquiry struct {
	limit      harness.Objective
	metric     metric.Metric
	line       *timeline
	slow, fast group
	touched    []bool            // ticks of the timeline in which slow ones waited for what was slow
	engines    *fleet.Contrast   // whose requests they were
	parts      []*inquiry        // of goodput and attainment: one of each limit
	row        harness.Objective // that is asked about
}

// A group of requests, and sums over them.
type group struct {
	n             int
	before, after Phases // until the first token, and from there on
	gaps          int
	told          int // whose prompt length is known
	prompt        int // tokens
	longest       time.Duration
	opening       int           // of closed loops: those with which users began
	headers       time.Duration // from when they were sent until their headers came
}

// inquire begins what a row asks of single requests. Goodput asks it of every limit that
// makes a request good.
func (e *Observer) inquire(row harness.Objective) {
	m, err := metric.OfRow(row)
	if err != nil {
		return
	}
	q := e.inquiry(m, row, row)
	if m.CountsGood() {
		for _, o := range e.w.Run.Scenario.Good {
			if row.Class != "" && o.Class != "" && row.Class != o.Class {
				continue
			}
			if m, err := metric.OfRow(o); err == nil {
				if o.Class == "" {
					o.Class = row.Class
				}
				q.parts = append(q.parts, e.inquiry(m, o, row))
			}
		}
	} else if m.PerRequest() == nil && !m.IsLatency() {
		return
	}
	e.inquiries = append(e.inquiries, q)
	e.inquiries = append(e.inquiries, q.parts...)
}

func (e *Observer) inquiry(m metric.Metric, limit, row harness.Objective) *inquiry {
	return &inquiry{limit: limit, row: row, metric: m, line: e.line, touched: make([]bool, len(e.line.ticks)), engines: fleet.NewContrast(e.w.From, e.w.To)}
}

// of is the inquiry of a verdict.
func (e *Observer) of(v slo.Verdict) *inquiry {
	i := slices.IndexFunc(e.inquiries, func(q *inquiry) bool {
		return !q.isPart() && same(q.row, v.Objective)
	})
	if i < 0 {
		return nil
	}
	q := e.inquiries[i]
	for _, part := range q.parts { // the limit that most requests miss
		if part.slow.n > q.slow.n || q.metric.CountsGood() {
			q = part
		}
	}
	return q
}

// isPart reports whether an inquiry is about a limit that makes requests good, and the
// row about how many are.
func (q *inquiry) isPart() bool { return q.metric.Name != q.row.Metric }

func (q *inquiry) take(r *harness.Record, c course) {
	if q.limit.Class != "" && q.limit.Class != r.Class {
		return
	}
	value, from, to, ok := q.worst(r)
	if !ok {
		return
	}
	of := &q.fast
	slow := beyond(q.limit, value)
	if q.engines.Take(r.Replica, r.Due, slow); slow {
		of = &q.slow
		q.touch(from, to)
	}
	of.n++
	of.before.add(c.before)
	of.after.add(c.after)
	of.gaps += max(0, r.ChunkCount()-1)
	of.longest = max(of.longest, r.LongestGap())
	of.headers += max(0, r.Headers-r.Sent)
	of.opening += btoi(r.User != harness.Unreported && r.Due == 0)
	if r.PromptTokens > 0 {
		of.told++
		of.prompt += r.PromptTokens
	}
}

// worst is a request's value of the metric, and when it arose.
func (q *inquiry) worst(r *harness.Record) (value float64, from, to time.Duration, ok bool) {
	first, last := r.FirstToken(), r.Done
	if q.metric.ComparesStamps() {
		gap := r.LongestGap()
		for i := 1; i < len(r.Chunks); i++ {
			if r.Chunks[i]-r.Chunks[i-1] == gap {
				return gap.Seconds(), r.Chunks[i-1], r.Chunks[i], r.OK()
			}
		}
		return 0, 0, 0, false
	}
	of := q.metric.PerRequest()
	if of == nil {
		return 0, 0, 0, false
	}
	value, ok = of.Value(r)
	switch q.phase() {
	case metric.UntilFirst:
		return value, r.Sent, first, ok
	case metric.FromFirst:
		return value, first, last, ok
	}
	return value, r.Sent, last, ok
}

// beyond reports whether a value is on the wrong side of a limit that is one from
// above; from below too slow is too quick.
func beyond(o harness.Objective, v float64) bool {
	switch o.Relation {
	case harness.AtLeast:
		return v < o.Limit
	case harness.Between:
		return v > o.Upper
	}
	return v > o.Limit
}

// phase is the part of a request's life that the metric is about.
func (q *inquiry) phase() metric.Phase { return q.metric.Phase() }

func (q *inquiry) touch(from, to time.Duration) {
	ticks := q.line.between(from, to)
	if len(ticks) == 0 {
		return
	}
	i, _ := slices.BinarySearchFunc(q.line.ticks, ticks[0].to, func(k tick, at time.Duration) int { return int(k.to - at) })
	for j := range ticks {
		q.touched[i+j] = true
	}
}

// opened reports whether the slow ones were slow because all users began at once: most
// of them were users' first requests, and few of the others.
func (q *inquiry) opened() bool {
	const few = 5
	return q.phase() != metric.FromFirst && q.slow.n >= few && q.fast.n >= few && 2*q.slow.opening > q.slow.n &&
		2*q.fast.opening*q.slow.n < q.slow.opening*q.fast.n
}

// excess is by how much the phases of the slow requests are longer than those of the
// others, on average: for each request, or for each gap where the metric is about gaps.
// Where there are too few others to compare, or no phase is longer (one long gap among many
// does not show in their sum), it is all of the slow ones' phases.
func (q *inquiry) excess() (excess, slow Phases) {
	pick := func(g group) Phases {
		p := g.before
		switch q.phase() {
		case metric.FromFirst:
			return g.after.over(g.gaps)
		case metric.WholeLife, metric.NoPhase:
			p.add(g.after)
		}
		return p.over(g.n)
	}
	slow = pick(q.slow)
	excess = slow
	if q.fast.n >= 5 && q.fast.n*20 >= q.slow.n {
		fast := pick(q.fast)
		to, less := excess.each(), fast.each()
		for i := range to {
			*to[i] -= *less[i]
		}
		if !slices.ContainsFunc(to, func(s *float64) bool { return *s > 0 }) {
			excess = slow
		}
	}
	return excess, slow
}

// most is the phase that the excess lies in, for the most part.
func (p Phases) most() slo.Phase {
	values := p.each()
	at := 0
	for i := range values {
		if *values[i] > *values[at] {
			at = i
		}
	}
	return phases()[at]
}

// seen is what the server reported in some ticks of the timeline.
type seen struct {
	n                                int
	seconds                          float64
	waited, waitedMost               float64 // queue at the beginning, and at most
	running, runningMost, kvMost     float64 // running is the mean
	deferredMost                     float64
	preemptions, prompt, output      float64
	steps, stepTokens                float64
	gap                              spread
	full                             int // ticks in which as many ran as ever did, and others waited
	queued                           int // ticks in which any waited
	stood                            time.Duration
	stoodFrom, stoodTo, first, until time.Duration
}

// in gathers what the server reported in the ticks that are picked.
func (t *timeline) in(pick func(i int) bool) seen {
	s := seen{stoodFrom: harness.NoTime, first: harness.NoTime}
	most := 0.0
	for _, k := range t.ticks {
		most = max(most, stats.ZeroIfNaN(k.running))
	}
	for i := 1; i < len(t.ticks); i++ {
		k := t.ticks[i]
		if !pick(i) {
			continue
		}
		if s.n == 0 {
			s.waited, s.first = stats.ZeroIfNaN(t.ticks[i-1].waiting), k.from
		}
		s.n++
		s.seconds += (k.to - k.from).Seconds()
		s.until = k.to
		s.waitedMost = max(s.waitedMost, stats.ZeroIfNaN(k.waiting))
		s.running += stats.ZeroIfNaN(k.running)
		s.runningMost = max(s.runningMost, stats.ZeroIfNaN(k.running))
		s.kvMost = max(s.kvMost, stats.ZeroIfNaN(k.kv))
		s.deferredMost = max(s.deferredMost, stats.ZeroIfNaN(k.deferred))
		s.preemptions, s.prompt, s.output = s.preemptions+k.preemptions, s.prompt+k.prompt, s.output+k.output
		s.steps, s.stepTokens = s.steps+k.steps, s.stepTokens+k.stepTokens
		s.gap.add(k.gap)
		if k.gap.n > 0 {
			s.gap.most = max(s.gap.most, k.gap.most)
		}
		if k.waiting > 0 {
			s.queued++
			s.full += btoi(k.running == most)
		}
		if t.stood(i) {
			s.stood += k.to - k.from
			if s.stoodTo = k.to; s.stoodFrom == harness.NoTime {
				s.stoodFrom = k.from
			}
		}
	}
	s.running /= float64(max(1, s.n))
	return s
}

// seen is what the server reported while the slow ones waited, and otherwise.
func (q *inquiry) seen() (then, else_ seen) {
	return q.line.in(func(i int) bool { return q.touched[i] }), q.line.in(func(i int) bool { return !q.touched[i] })
}
