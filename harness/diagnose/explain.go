package diagnose

import (
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
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

// Explain says of each verdict that is not met why, as far as anything that was seen
// speaks for it. Of several runs that were judged together the first speaks for all
// that has the same outcome by itself, or else the first.
func Explain(verdicts []slo.Verdict, runs ...*slo.Window) {
	asked := map[*slo.Window][]*slo.Verdict{}
	for i := range verdicts {
		v := &verdicts[i]
		if v.Outcome == slo.Met || v.Cause != "" {
			continue
		}
		speaker := slices.IndexFunc(runs, func(w *slo.Window) bool {
			return len(runs) == 1 || slo.Judge(w, []harness.Objective{v.Objective})[0].Outcome == v.Outcome
		})
		w := runs[max(0, speaker)]
		asked[w] = append(asked[w], v)
	}
	for w, of := range asked {
		explain(w, of)
	}
}

// explain goes through the run once more, where a verdict was missed.
func explain(w *slo.Window, verdicts []*slo.Verdict) {
	e := &explanation{w: w, line: new(timeline)}
	if slices.ContainsFunc(verdicts, func(v *slo.Verdict) bool { return v.Outcome == slo.Missed }) {
		e.line = timelineOf(w.Run)
		for _, v := range verdicts {
			e.inquire(v)
		}
		e.through()
	}
	for _, v := range verdicts {
		v.Cause = e.cause(*v)
	}
}

// TimesOf goes through the run once more and says where the time of its requests went.
func TimesOf(w *slo.Window) Times { return (&explanation{w: w, line: timelineOf(w.Run)}).through() }

// An explanation is in the making.
type explanation struct {
	w         *slo.Window
	line      *timeline
	inquiries []*inquiry
	load      loadSeen
	failures  map[string]*failures // by class; "" is all
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

func (e *explanation) through() Times {
	from, to := e.w.From, e.w.To
	every := max(time.Second, ((to-from)/mostMoments + time.Second - 1).Truncate(time.Second))
	t := Times{EveryNS: int64(every), Read: e.line.read()}
	slowest := slowest{most: max(1, e.w.Due/100)}
	e.load.classes, e.failures = map[string]*classSeen{}, map[string]*failures{}
	for r := range e.w.Run.Records {
		if r.OK() && r.Done >= from && r.Done < to {
			e.load.ended++
		}
		if r.Warmup || r.Due < from || r.Due >= to {
			continue
		}
		e.note(&r)
		c := e.line.split(&r)
		for _, q := range e.inquiries {
			q.take(&r, c)
		}
		if r.Sent == harness.Never {
			continue
		}
		whole := c.whole()
		t.All.add(whole)
		slowest.take(r.E2E(), whole)
		i := int((r.Due - from) / every)
		t.Moments = append(t.Moments, make([]PhaseMeans, max(0, i+1-len(t.Moments)))...)
		t.Moments[i].add(whole)
		t.Timed += btoi(r.ServerQueue != harness.Never)
		t.Answered += btoi(len(r.Chunks) > 0)
	}
	t.All, t.Slowest = t.All.mean(), slowest.mean()
	for i := range t.Moments {
		t.Moments[i] = t.Moments[i].mean()
	}
	return t
}

// note counts what was asked, and what failed.
func (e *explanation) note(r *harness.Record) {
	e.load.due++
	for _, class := range slices.Compact([]string{"", r.Class}) {
		if e.failures[class] == nil {
			e.failures[class] = newFailures()
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

// slowest are the requests that took the longest, so many of them.
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
	if took == harness.Never {
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
