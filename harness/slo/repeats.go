package slo

import (
	"fmt"
	"iter"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// Repeats are several runs of one scenario, judged together.
type Repeats struct {
	windows []*Window
	pooled  *Window // all of them, one after the other
}

// Together judges runs of one load, at least one, as if they were one run.
func Together(windows []*Window) *Repeats {
	r := &Repeats{windows: windows, pooled: windows[0]}
	if len(windows) > 1 {
		r.pooled = Measure(inARow(windows))
		r.pooled.pool(windows)
	}
	return r
}

// pool takes what runs have apart from each other, and no row of their requests has:
// what was watched beside them, what arrived and was in flight inside each window, and
// whether one of them was saturated.
func (w *Window) pool(of []*Window) {
	w.parts, w.watched = of, togetherWatched(of)
	w.ended, w.tokens, w.flight = 0, 0, flight{}
	for _, part := range of {
		w.ended, w.tokens = w.ended+part.ended, w.tokens+part.tokens
		w.flight.n, w.flight.area = w.flight.n+part.flight.n, w.flight.area+part.flight.area
		w.flight.most = max(w.flight.most, part.flight.greatest())
	}
	for name, class := range w.classes {
		var parts []*Window
		for _, part := range of {
			parts = append(parts, part.class(name))
		}
		class.pool(parts)
	}
}

// Judge answers every objective from what all the runs saw. Where one of them is
// unsound nothing is known.
func (r *Repeats) Judge(objectives []harness.Objective) []Verdict {
	if len(r.windows) == 1 {
		return r.windows[0].Judge(objectives)
	}
	var unsound []string
	for i, w := range r.windows {
		for _, reason := range w.Audit() {
			unsound = append(unsound, fmt.Sprintf("run %d of %d: %s", i+1, len(r.windows), reason))
		}
	}
	verdicts := make([]Verdict, len(objectives))
	for i, o := range objectives {
		verdicts[i] = r.pooled.class(o.Class).judge(o)
		if len(unsound) > 0 {
			verdicts[i].Outcome, verdicts[i].Lasting = Unknown, Unknown
			verdicts[i].Notes = append(append([]string{}, unsound...), verdicts[i].Notes...)
		}
	}
	return verdicts
}

// inARow is one run of the measured windows of several.
func inARow(windows []*Window) *harness.Run {
	run := *windows[0].run
	run.From, run.To, run.Requests = 0, 0, 0
	for _, w := range windows {
		run.To += w.to - w.from
		run.Requests += w.due
	}
	run.Length = run.To
	run.Records = shifted(windows, func(w *Window, by time.Duration, yield func(harness.Record) bool) bool {
		for r := range w.run.Records {
			if !r.Warmup && r.Due >= w.from && r.Due < w.to && !yield(later(r, by-w.from)) {
				return false
			}
		}
		return true
	})
	run.Samples = func(func(harness.Sample) bool) {}
	return &run
}

// shifted yields what one yields of each window, with how much later it is.
func shifted[T any](windows []*Window, one func(*Window, time.Duration, func(T) bool) bool) iter.Seq[T] {
	return func(yield func(T) bool) {
		by := time.Duration(0)
		for _, w := range windows {
			if !one(w, by, yield) {
				return
			}
			by += w.to - w.from
		}
	}
}

// later is a record of a run that began so much later.
func later(r harness.Record, by time.Duration) harness.Record {
	for _, at := range []*time.Duration{&r.Due, &r.Sent, &r.Headers, &r.FirstAnswer, &r.Done} {
		if *at != harness.Never {
			*at += by
		}
	}
	chunks := make([]time.Duration, len(r.Chunks))
	for i, at := range r.Chunks {
		chunks[i] = at + by
	}
	r.Chunks = chunks
	return r
}
