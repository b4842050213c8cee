package diagnose

import (
	"math"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/fleet"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// Times are where the time of a run's requests went, of those due in the measured
// window that were sent.
type Times struct {
	All      PhaseMeans   `json:"all"`
	Slowest  PhaseMeans   `json:"slowest"`  // of the hundredth with the longest E2E latency
	Moments  []PhaseMeans `json:"moments"`  // one after the other, by when requests were due
	EveryNS  int64        `json:"every_ns"` // how long a moment is
	Timed    int          `json:"timed"`    // requests whose phases the server itself timed
	Answered int          `json:"answered"` // requests that had a first token
	Read     bool         `json:"read"`     // the server's metrics tell how its time is to be split
}

// PhaseMeans are the phases of an average request.
type PhaseMeans struct {
	N int `json:"n"`
	Phases
}

func (m *PhaseMeans) add(p Phases) { m.N++; m.Phases.add(p) }

func (m PhaseMeans) mean() PhaseMeans { return PhaseMeans{m.N, m.Phases.over(m.N)} }

// moments of a run, at most; none is shorter than a second.
const mostMoments = 600

// Explain sets the causes of the verdicts that are not met, as far as anything that was
// measured speaks for one. Of several runs that were judged together the first speaks for
// all that has the same outcome by itself, or else the first.
func Explain(verdicts []slo.Verdict, runs ...*measure.Window) {
	var observers []*Observer
	for _, w := range runs {
		observers = append(observers, NewObserver(w))
	}
	ExplainObserved(verdicts, observers...)
}

// ExplainObserved is [Explain] of runs that were observed when they were read. One is
// read again only where a missed row was not announced to its observer.
func ExplainObserved(verdicts []slo.Verdict, runs ...*Observer) {
	asked := map[*Observer][]*slo.Verdict{}
	for i := range verdicts {
		v := &verdicts[i]
		if v.Outcome == slo.Met || !v.Cause.IsZero() {
			continue
		}
		speaker := slices.IndexFunc(runs, func(e *Observer) bool {
			return len(runs) == 1 || slo.Judge(e.w, []harness.Objective{v.Objective})[0].Outcome == v.Outcome
		})
		e := runs[max(0, speaker)]
		asked[e] = append(asked[e], v)
	}
	for e, of := range asked {
		e.explain(of)
	}
}

// explain sets the causes of verdicts on one run.
func (e *Observer) explain(verdicts []*slo.Verdict) {
	var rows []harness.Objective
	for _, v := range verdicts {
		if v.Outcome == slo.Missed {
			rows = append(rows, v.Objective)
		}
	}
	if rows != nil && !e.observed(rows) {
		e = NewObserver(e.w, rows...)
		e.w.Run.Each(e)
	}
	for _, v := range verdicts {
		v.Cause = e.cause(*v)
	}
}

// observed reports whether a run was read for these rows.
func (e *Observer) observed(rows []harness.Objective) bool {
	return e.read && !slices.ContainsFunc(rows, func(o harness.Objective) bool {
		return !slices.ContainsFunc(e.rows, func(row harness.Objective) bool { return same(row, o) })
	})
}

// same reports whether two objectives are one row of a feature.
func same(a, b harness.Objective) bool { return a.Text == b.Text && a.Where == b.Where }

// TimesOf reads a run once and says where the time of its requests went.
func TimesOf(w *measure.Window) Times {
	e := NewObserver(w)
	w.Run.Each(e)
	return e.Times()
}

// An Observer gathers what the causes of missed rows rest on, and where the time of
// requests went, while a run is read: see [harness.Run.Each].
type Observer struct {
	w         *measure.Window
	line      *timeline
	pages     fleet.Pages         // of the engines, each by itself
	rows      []harness.Objective // that may be missed
	inquiries []*inquiry
	load      loadSeen
	failures  map[string]*failures // by class; "" is all
	times     Times                // sums, until [Observer.Times] makes means of them
	slowest   slowest
	read      bool // something of the run was read
}

// NewObserver gathers what explains these rows of a run. The window may still be measured
// in the same pass: only its ends are asked for before the run was read.
func NewObserver(w *measure.Window, rows ...harness.Objective) *Observer {
	every := max(time.Second, ((w.To-w.From)/mostMoments + time.Second - 1).Truncate(time.Second))
	e := &Observer{w: w, line: newTimeline(), rows: rows, failures: map[string]*failures{}, load: loadSeen{classes: map[string]*classSeen{}},
		times: Times{EveryNS: int64(every)}, slowest: slowest{most: math.MaxInt / 4}}
	if w.Run.Requests > 0 {
		e.slowest.most = max(1, w.Run.Requests/100) // no fewer than the hundredth of those in the window
	}
	return e
}

// Sample takes a sample.
func (e *Observer) Sample(s harness.Sample) {
	e.read = true
	e.line.take(s)
	e.pages.Take(s)
}

// Record takes a record, once there are no more samples.
func (e *Observer) Record(r *harness.Record) {
	e.begin()
	if r.OK() && r.Done >= e.w.From && r.Done < e.w.To {
		e.load.ended++
	}
	if r.Warmup || r.Due < e.w.From || r.Due >= e.w.To {
		return
	}
	e.note(r)
	c := e.line.split(r)
	for _, q := range e.inquiries {
		q.take(r, c)
	}
	if hasPhases(r) {
		e.time(r, c.whole())
	}
}

// begin ends the timeline, which inquiries are about, before the first record.
func (e *Observer) begin() {
	e.read = true
	if e.line.over {
		return
	}
	e.line.end()
	for _, o := range e.rows {
		e.inquire(o)
	}
}

// time counts the phases of a request in.
func (e *Observer) time(r *harness.Record, whole Phases) {
	t := &e.times
	t.All.add(whole)
	e.slowest.take(r.E2E(), whole)
	i := int((r.Due - e.w.From) / time.Duration(t.EveryNS))
	t.Moments = append(t.Moments, make([]PhaseMeans, max(0, i+1-len(t.Moments)))...)
	t.Moments[i].add(whole)
	t.Timed += btoi(r.ServerQueue != harness.NoTime)
	t.Answered += btoi(r.HasContent())
}

// Times are where the time of the requests went, once all was read.
func (e *Observer) Times() Times {
	e.begin()
	t := e.times
	t.Read = e.line.read()
	e.slowest.most = max(1, e.w.Due/100)
	t.All, t.Slowest, t.Moments = t.All.mean(), e.slowest.mean(), slices.Clone(t.Moments)
	for i := range t.Moments {
		t.Moments[i] = t.Moments[i].mean()
	}
	return t
}

// loadSeen is what was asked, by class of traffic.
type loadSeen struct {
	due, ended int // in the window; ended whatever they were due
	classes    map[string]*classSeen
}

type classSeen struct {
	n       int
	prompt  int     // tokens
	held    float64 // tokens × seconds in which the cache held them
	prompts int     // whose length was reported
}

// note counts what was asked, and what failed.
func (e *Observer) note(r *harness.Record) {
	e.load.due++
	for _, class := range slices.Compact([]string{"", r.Class}) {
		if e.failures[class] == nil {
			e.failures[class] = newFailures(e.w)
		}
		e.failures[class].take(r)
	}
	of := e.load.classes[r.Class]
	if of == nil {
		of = new(classSeen)
		e.load.classes[r.Class] = of
	}
	of.n++
	if r.PromptTokens > 0 {
		of.prompts++
		of.prompt += r.PromptTokens
		if len(r.Chunks) > 0 && r.Done >= r.Chunks[0] {
			of.held += float64(r.PromptTokens+max(0, r.OutputTokens)/2) * (r.Done - r.Chunks[0]).Seconds()
		}
	}
}

// slowest are the requests that took the longest, so many of them or a few more.
type slowest struct {
	most  int
	taken []timed
}

type timed struct {
	took time.Duration
	Phases
}

// take keeps twice as many as are wanted before it throws the quicker half away.
func (s *slowest) take(took time.Duration, p Phases) {
	if took == harness.NoTime {
		return
	}
	if s.taken = append(s.taken, timed{took, p}); len(s.taken) >= 2*s.most+64 {
		s.cut()
	}
}

func (s *slowest) cut() {
	slices.SortFunc(s.taken, func(a, b timed) int { return int(b.took - a.took) })
	s.taken = s.taken[:min(len(s.taken), s.most)]
}

func (s *slowest) mean() (m PhaseMeans) {
	s.cut()
	for _, t := range s.taken {
		m.add(t.Phases)
	}
	return m.mean()
}
