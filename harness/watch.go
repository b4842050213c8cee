package harness

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// A watcher is a sampler, and which of its readings are missing.
type watcher struct {
	Sampler
	gaps int
	last error
}

// watchers are the samplers, and one for the runner's own gauges.
func (l *load) watchers() (all []*watcher) {
	own := gauges{load: l}
	if l.runner.Precise {
		own.pulse = new(pulse)
	}
	for _, sampler := range append([]Sampler{own}, l.runner.Samplers...) {
		all = append(all, &watcher{Sampler: sampler})
	}
	return all
}

// firstReadings reads all once before the load begins: a counter that is read
// while the first requests are on their way leaves them out, or some of them.
func (l *load) firstReadings(ctx context.Context, watchers []*watcher) []Sample {
	var reading sync.WaitGroup
	each := make([][]Sample, len(watchers))
	for i, w := range watchers {
		reading.Go(func() { each[i] = l.sampleOnce(context.WithoutCancel(ctx), w, 0) })
	}
	reading.Wait()
	return slices.Concat(each...)
}

// watch starts one goroutine for each, so that a slow source delays no other.
func (l *load) watch(ctx context.Context, watchers []*watcher, watching *sync.WaitGroup) {
	for _, w := range watchers {
		watching.Go(func() { l.sampleUntil(ctx, w) })
		if own, ok := w.Sampler.(gauges); ok && own.pulse != nil {
			watching.Go(func() { own.pulse.beat(ctx) })
		}
	}
}

// sampleUntil reads at every tick and once more at the end, so that counters have
// a value at both ends of the run. A reading that fails is a gap and a warning,
// never a zero and never the end of the run.
func (l *load) sampleUntil(ctx context.Context, w *watcher) {
	ticker := time.NewTicker(l.runner.Every)
	defer ticker.Stop()
	read := time.Duration(0)
	for ended := false; !ended; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			ended = true
		}
		at := l.now()
		if at == read {
			continue // a virtual clock can tick and end at one instant
		}
		read = at
		for _, sample := range l.sampleOnce(context.WithoutCancel(ctx), w, at) {
			l.samples <- sample
		}
	}
	if w.gaps > 0 {
		l.warn("%d readings are missing: %v", w.gaps, w.last)
	}
}

// sampleOnce allows a reading as long as the pause between two, but never less
// than a second.
func (l *load) sampleOnce(ctx context.Context, w *watcher, at time.Duration) (samples []Sample) {
	ctx, cancel := context.WithTimeout(ctx, max(l.runner.Every, time.Second))
	defer cancel()
	readings, err := w.Read(ctx)
	for _, reading := range readings {
		if math.IsNaN(reading.Value) || math.IsInf(reading.Value, 0) {
			err = errors.Join(err, fmt.Errorf("%s is %v", reading.Series, reading.Value))
			continue
		}
		samples = append(samples, Sample{At: at, Reading: reading})
	}
	if err != nil {
		w.gaps, w.last = w.gaps+1, fmt.Errorf("at %v: %w", at.Round(time.Millisecond), err)
	}
	return samples
}

// gauges are the runner's own readings.
type gauges struct {
	*load
	pulse *pulse // nil where the clock is virtual: it would tell nothing
}

func (g gauges) Read(context.Context) ([]Reading, error) {
	own := func(series string, value float64) Reading {
		return Reading{Source: "client", Series: series, Value: value}
	}
	inFlight, area := g.inFlight.read(g.now())
	backlog := int(g.backlog.Load())
	out := []Reading{
		own(SeriesInFlight, float64(inFlight)),
		own(SeriesInFlightSeconds, area.Seconds()),
		own(SeriesIssued, float64(g.issued.Load())),
		own(SeriesFailed, float64(g.failed.Load())),
		own(SeriesBacklog, float64(backlog)),
		own(SeriesUnanswered, float64(backlog+inFlight)),
	}
	if g.pulse != nil {
		stalled, late := g.pulse.read()
		out = append(out, own(SeriesStalled, stalled.Seconds()), own(SeriesWakeUpLate, late.Seconds()))
	}
	return out, nil
}

// A level is a number that goes up and down, and its integral over time.
type level struct {
	mu    sync.Mutex
	n     int
	since time.Duration
	area  time.Duration
}

func (v *level) add(now time.Duration, by int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.advance(now)
	v.n += by
}

func (v *level) read(now time.Duration) (n int, area time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.advance(now)
	return v.n, v.area
}

func (v *level) advance(now time.Duration) {
	if now > v.since { // another one may have looked at its clock before us and come here after us
		v.area += time.Duration(v.n) * (now - v.since)
		v.since = now
	}
}
