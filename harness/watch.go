package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/harness/internal/stall"
)

// A watcher is a sampler, how often it is read, and which of its readings are
// missing.
type watcher struct {
	Sampler
	of      string // what it watches: "server", "host", "gpu"; "" for the runner's own gauges
	periods int    // between two readings at present, in units of Runner.Every
	seldom  int    // the most that there were
	longest time.Duration
	gaps    int
	last    error
	since   time.Duration  // of last
	without map[string]int // readings without a value, by series and what was read
}

// What reading a source may cost it: a page of metrics takes the server's own time.
const (
	WatchMost  = 0.1 // share of the time in which a source may be busy being read
	seldomMost = 10  // units of Runner.Every between two readings
)

// watchers are the samplers, and one for the runner's own gauges.
func (l *load) watchers() []*watcher {
	own := gauges{load: l}
	if l.runner.Precise {
		own.stalls = new(stall.Detector)
	}
	all := []*watcher{{Sampler: own, periods: 1}}
	for _, sampler := range l.runner.Samplers {
		w := &watcher{Sampler: sampler, of: "source", periods: 1}
		if named, ok := sampler.(fmt.Stringer); ok {
			w.of = named.String()
		}
		all = append(all, w)
	}
	return all
}

// endReader is the sampler where it has to wait for new values at an end of the run.
func (w *watcher) endReader() (r EndReader, ok bool) {
	r, ok = w.Sampler.(EndReader)
	return r, ok && r.EndWithin() > 0
}

// firstReadings reads all once before the load begins: a counter that is read
// while the first requests are on their way leaves them out, or some of them.
func (l *load) firstReadings(ctx context.Context, watchers []*watcher) []Sample {
	var reading sync.WaitGroup
	each := make([][]Sample, len(watchers))
	for i, w := range watchers {
		reading.Go(func() { each[i] = l.sampleOnce(context.WithoutCancel(ctx), w, 0, true) })
	}
	reading.Wait()
	return slices.Concat(each...)
}

// watch starts one goroutine for each, so that a slow source delays no other.
func (l *load) watch(ctx context.Context, watchers []*watcher, watching *sync.WaitGroup) {
	for _, w := range watchers {
		watching.Go(func() { l.sampleUntil(ctx, w) })
		if own, ok := w.Sampler.(gauges); ok && own.stalls != nil {
			watching.Go(func() { own.stalls.Beat(ctx) })
		}
	}
}

// settled is how long after its tick a reading is taken. On a virtual clock much happens
// at one instant, a request is due and a step ends just when a gauge is read, and what it
// says would be chance; a nanosecond later all that has happened. On a real clock it is
// nothing.
const settled = time.Nanosecond

// sampleUntil reads at every tick, when the warm-up is over, and once more at the
// end, so that counters have a value at both ends of what is measured. A reading
// that fails is a gap and a warning, never a zero and never the end of the run.
func (l *load) sampleUntil(ctx context.Context, w *watcher) {
	read := time.Duration(0)
	for ended := false; !ended; {
		tick := time.NewTimer(l.nextReading(w, read) + settled - l.now())
		by := settled
		select {
		case <-tick.C:
		case <-ctx.Done():
			ended, by = true, 0
			tick.Stop()
		}
		at := l.now() - by
		if at == read {
			continue // a virtual clock can tick and end at one instant
		}
		read = at
		for _, sample := range l.sampleOnce(context.WithoutCancel(ctx), w, at, ended) {
			l.samples <- sample
		}
	}
	if w.gaps > 0 {
		l.warn("%d readings of the %s are missing: at %.3f s: %v", w.gaps, w.of, w.since.Seconds(), w.last)
		l.leftUnread(w.of, w.last.Error())
	}
	l.warnOfNoValues(w)
	if w.seldom > 1 {
		l.warn("the %s took up to %.3g s to answer, so it was read every %.3g s at times, not to burden it", w.of, w.longest.Seconds(), float64(w.seldom)*l.runner.Every.Seconds())
	}
	if remarking, ok := w.Sampler.(interface{ Remarks() []string }); ok {
		for _, remark := range remarking.Remarks() {
			l.warn("%s", remark)
		}
	}
}

// nextReading is the first tick that is due after a reading and not over yet.
// Ticks are the same for all sources, so that what is read every second is read
// together.
func (l *load) nextReading(w *watcher, read time.Duration) time.Duration {
	every, warm := l.runner.Every, l.scenario.Warmup
	next := max(read/every+time.Duration(w.periods), l.now()/every+1) * every
	if read < warm && warm < next {
		return warm
	}
	return next
}

// paced makes a source that takes long to answer be read more seldom, by a factor of two
// at most each time, and one that answers fast again as often as that allows: what it does
// meanwhile is not known.
func (w *watcher) paced(took, every time.Duration) {
	wanted := int(math.Ceil(float64(took) / WatchMost / float64(every)))
	w.periods = min(max(wanted, 1), 2*w.periods, seldomMost)
	w.seldom, w.longest = max(w.seldom, w.periods), max(w.longest, took)
}

// sampleOnce allows a reading as long as the pause between two, but never less
// than a second. At an end of the run it may have to wait for values that are new.
func (l *load) sampleOnce(ctx context.Context, w *watcher, at time.Duration, atEnd bool) (samples []Sample) {
	allowed, read, waits := max(l.runner.Every, time.Second), w.Read, false
	if r, ok := w.endReader(); ok && atEnd {
		allowed, read, waits = r.EndWithin(), r.ReadAtEnd, true
	}
	ctx, cancel := context.WithTimeout(ctx, allowed)
	defer cancel()
	began := time.Now()
	readings, err := read(ctx)
	took := time.Since(began)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer came within %.3g s", allowed.Seconds())
	}
	for _, reading := range readings {
		if what := reading.NoValue(); what != "" {
			reading = w.noValue(reading, what)
		}
		samples = append(samples, Sample{At: at, Reading: reading})
	}
	if err != nil {
		w.gaps, w.last, w.since = w.gaps+1, err, at
	}
	if w.of == "" {
		return samples
	}
	if waits {
		took = 0 // it cost the source nothing
	}
	w.paced(took, l.runner.Every)
	of := map[string]string{"of": w.of}
	return append(samples,
		Sample{At: at, Reading: Reading{Source: "watch", Series: SeriesReading, Labels: of, Value: took.Seconds()}},
		Sample{At: at, Reading: Reading{Source: "watch", Series: SeriesMissing, Labels: of, Value: float64(w.gaps)}})
}

// noValue is what is kept of a reading without a value: that it is none, and of what.
// A single series may have none while all others of its source do.
func (w *watcher) noValue(r Reading, what string) Reading {
	if w.without == nil {
		w.without = map[string]int{}
	}
	w.without[r.Series+" "+what]++
	labels := map[string]string{"of": r.Source, LabelSeries: r.Series, LabelReading: what}
	for label, value := range r.Labels {
		if _, taken := labels[label]; !taken {
			labels[label] = value
		}
	}
	return Reading{Source: "watch", Series: SeriesNoValue, Labels: labels, Value: 1}
}

// leftUnread keeps why a reading of a source did not come.
func (l *load) leftUnread(source, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unread == nil {
		l.unread = map[string]string{}
	}
	l.unread[source] = why
}

// warnOfNoValues names the series that had none, the first few of them.
func (l *load) warnOfNoValues(w *watcher) {
	const few = 3
	names := slices.Sorted(maps.Keys(w.without))
	for i, name := range names {
		if i == few {
			l.warn("%d more series of the %s gave what is no value", len(names)-few, w.of)
			return
		}
		series, what, _ := strings.Cut(name, " ")
		l.warn("the %s gave %s for %s %d times, which is no value: it was left out", w.of, strings.Replace(what, "-", "−", 1), series, w.without[name])
	}
}

// gauges are the runner's own readings.
type gauges struct {
	*load
	stalls *stall.Detector // nil where the clock is virtual: it would tell nothing
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
	if g.stalls != nil {
		stalled, late := g.stalls.Read()
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
