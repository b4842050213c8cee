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
	own := gauges{load: l}
	if l.runner.Precise {
		own.pulse = new(pulse)
		watching.Go(func() { own.pulse.beat(ctx) })
	}
	samplers := append([]Sampler{own}, l.runner.Samplers...)
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
	read := Never
	for ended := false; ; {
		if at := l.now(); at != read { // a virtual clock can tick and end at one instant
			read = at
			if err := l.sampleOnce(context.WithoutCancel(ctx), at, sampler); err != nil {
				gaps, last = gaps+1, err
			}
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
func (l *load) sampleOnce(ctx context.Context, at time.Duration, sampler Sampler) error {
	ctx, cancel := context.WithTimeout(ctx, max(l.runner.Every, time.Second))
	defer cancel()
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
