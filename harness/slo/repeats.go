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

// Judge answers every objective from what all the runs saw. What was found in one of
// them voids the rows that it covers.
func (r *Repeats) Judge(objectives []harness.Objective) []Verdict {
	if len(r.windows) == 1 {
		return r.windows[0].Judge(objectives)
	}
	var found []Finding
	for i, w := range r.windows {
		for _, f := range w.Audit() {
			found = append(found, Finding{f.Voids, fmt.Sprintf("run %d of %d: %s", i+1, len(r.windows), f.Text)})
		}
	}
	verdicts := r.pooled.JudgeSoFar(objectives)
	Void(verdicts, found, r.pooled.Run.Scenario.Good)
	return verdicts
}

// inARow is one run of the measured windows of several.
func inARow(windows []*Window) *harness.Run {
	run := *windows[0].Run
	run.From, run.To, run.Requests = 0, 0, 0
	for _, w := range windows {
		run.To += w.To - w.From
		run.Requests += w.Due
	}
	run.Length = run.To
	run.Records = shifted(windows, func(w *Window, by time.Duration, yield func(harness.Record) bool) bool {
		for r := range w.Run.Records {
			if !r.Warmup && r.Due >= w.From && r.Due < w.To && !yield(later(r, by-w.From)) {
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
			by += w.To - w.From
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
