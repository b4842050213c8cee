package harness

import (
	"context"
	"fmt"
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
	for _, sampler := range append([]Sampler{gauges{l}}, l.runner.Samplers...) {
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
	}
}

// sampleUntil reads at every tick and once more at the end, so that counters have
// a value at both ends of the run. A reading that fails is a gap and a warning,
// never a zero and never the end of the run.
func (l *load) sampleUntil(ctx context.Context, w *watcher) {
	ticker := time.NewTicker(l.runner.Every)
	defer ticker.Stop()
	for ended := false; !ended; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			ended = true
		}
		for _, sample := range l.sampleOnce(context.WithoutCancel(ctx), w, l.now()) {
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
		samples = append(samples, Sample{At: at, Reading: reading})
	}
	if err != nil {
		w.gaps, w.last = w.gaps+1, fmt.Errorf("at %v: %w", at.Round(time.Millisecond), err)
	}
	return samples
}

// gauges are the runner's own readings.
type gauges struct{ *load }

func (g gauges) Read(context.Context) ([]Reading, error) {
	own := func(series string, value int64) Reading {
		return Reading{Source: "client", Series: series, Value: float64(value)}
	}
	return []Reading{
		own(SeriesInFlight, g.inFlight.Load()),
		own(SeriesIssued, g.issued.Load()),
		own(SeriesFailed, g.failed.Load()),
		own(SeriesBacklog, g.backlog.Load()),
	}, nil
}
