package harness

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// watch starts one goroutine per sampler, and one for the runner's own gauges,
// so that a slow source delays no other.
func (l *load) watch(ctx context.Context, watching *sync.WaitGroup) {
	samplers := append([]Sampler{gauges{l}}, l.runner.Samplers...)
	for _, sampler := range samplers {
		watching.Go(func() { l.sampleUntil(ctx, sampler) })
	}
}

// sampleUntil reads at the start, at every tick and once more at the end, so
// that counters have a value at both ends of the run. A reading that fails is
// a gap and a warning, never a zero and never the end of the run.
func (l *load) sampleUntil(ctx context.Context, sampler Sampler) {
	ticker := time.NewTicker(l.runner.Every)
	defer ticker.Stop()
	var gaps int
	var last error
	for ended := false; ; {
		if err := l.sampleOnce(context.WithoutCancel(ctx), sampler); err != nil {
			gaps, last = gaps+1, err
		}
		if ended {
			break
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			ended = true
		}
	}
	if gaps > 0 {
		l.warn("%d readings are missing: %v", gaps, last)
	}
}

// sampleOnce allows a reading as long as the pause between two, but never less
// than a second.
func (l *load) sampleOnce(ctx context.Context, sampler Sampler) error {
	ctx, cancel := context.WithTimeout(ctx, max(l.runner.Every, time.Second))
	defer cancel()
	at := l.now()
	readings, err := sampler.Read(ctx)
	for _, reading := range readings {
		l.samples <- Sample{At: at, Reading: reading}
	}
	if err != nil {
		return fmt.Errorf("at %v: %w", at.Round(time.Millisecond), err)
	}
	return nil
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
