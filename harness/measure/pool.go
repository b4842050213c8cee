package measure

import (
	"iter"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// Pool measures runs of one load, at least one, as if they were one run.
func Pool(windows []*Window) *Window {
	if len(windows) == 1 {
		return windows[0]
	}
	pooled := Of(inARow(windows))
	pooled.pool(windows)
	return pooled
}

// pool takes what runs have apart from each other, and no row of their requests has:
// what was watched beside them, what arrived and was in flight inside each window, and
// whether one of them was saturated.
func (w *Window) pool(of []*Window) {
	w.parts, w.Sampled = of, pooledSampled(of)
	w.ended, w.inputs, w.prompts, w.clips, w.tokens, w.flight = 0, 0, 0, 0, 0, flight{}
	for _, part := range of {
		w.ended, w.tokens = w.ended+part.ended, w.tokens+part.tokens
		w.inputs, w.prompts, w.clips = w.inputs+part.inputs, w.prompts+part.prompts, w.clips+part.clips
		w.flight.n, w.flight.area = w.flight.n+part.flight.n, w.flight.area+part.flight.area
		w.flight.most = max(w.flight.most, part.flight.greatest())
	}
	for name, class := range w.classes {
		var parts []*Window
		for _, part := range of {
			parts = append(parts, part.Class(name))
		}
		class.pool(parts)
	}
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
		if *at != harness.NoTime {
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
