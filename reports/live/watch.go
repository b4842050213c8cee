package live

import (
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// An Observer is shown a run from time to time.
type Observer interface {
	// Wants tells what it wants to be shown of a run that has come so far.
	Wants(reports.Progress) Attention
	Show(reports.View)
}

// Attention is how much of a run a viewer wants to see.
type Attention int

// The attentions. To a line there belong the progress and the figures that fit into it.
const (
	Nothing Attention = iota
	Line
	Page
)

// A Watch looks on at one run, as one of its sinks, and shows it to observers each
// second. It never waits and never makes wait: what comes while it has no time is
// left out, counted, and reported. As long as there is no viewer, it only counts.
// What a view costs decides when the next one is made, so that all of it stays below a
// twenty-fifth of a core.
type Watch struct {
	scenario  harness.Scenario
	manifest  store.Manifest
	observers []Observer

	mu      sync.Mutex
	records []harness.Record // that came since the last look
	samples []harness.Sample
	omitted int
	began   time.Time     // of the run's clock, as far as we know it
	many    chan struct{} // so much has come that it is better taken now
	close   sync.Once
	closed  chan struct{}
	done    chan struct{}

	// Of the goroutine that looks on.
	start   time.Time           // of the run: began, as it was at the last look
	next    [Page + 1]time.Time // when a view is made again, by how much of it
	ended   int
	drawing *chart.Drawing
	sofar   *measure.SoFar
	before  struct { // what was taken before, to be filled again
		records []harness.Record
		samples []harness.Sample
	}
}

const (
	waiting  = 4096                   // requests that may come between two looks, and as many samples
	look     = 250 * time.Millisecond // between two looks at what has come, and at who wants to see it
	interval = time.Second            // between two views, at least
	longest  = 5 * interval
	share    = 25 // of a core, at most one part of so many, unless that would be less often than longest
)

// NewWatch looks on at a run that is about to begin. The manifest says what is known of
// it beforehand. Close ends it.
func NewWatch(s harness.Scenario, m store.Manifest, observers ...Observer) *Watch {
	now := time.Now()
	w := &Watch{scenario: s, manifest: m, observers: observers, many: make(chan struct{}, 1), closed: make(chan struct{}), done: make(chan struct{}),
		began: now, start: now, drawing: chart.NewDrawing(0, chart.Brief()), sofar: measure.NewSoFar(s).Approximate()}
	w.showAll(w.view(0, w.progress(0)))
	go w.look()
	return w
}

// Record takes a request that has ended.
func (w *Watch) Record(r harness.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.records) == waiting {
		w.omitted++
		return nil
	}
	w.records = append(w.records, r)
	w.tooMany(len(w.records))
	return nil
}

// Sample takes a reading.
func (w *Watch) Sample(s harness.Sample) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if began := time.Now().Add(-s.At); s.At == 0 || began.Before(w.began) {
		w.began = began
	}
	if len(w.samples) < waiting { // else there is a gap, which the chart spans
		w.samples = append(w.samples, s)
		w.tooMany(len(w.samples))
	}
	return nil
}

// tooMany asks for a look before it is time. To ask for one for each request would wake
// a goroutine for each.
func (w *Watch) tooMany(n int) {
	if n != waiting/2 {
		return
	}
	select {
	case w.many <- struct{}{}:
	default:
	}
}

// Close ends it: nothing more comes.
func (w *Watch) Close() error {
	w.close.Do(func() { close(w.closed) })
	<-w.done
	return nil
}

// Ended shows what became of the run, once it is judged.
func (w *Watch) Ended(v reports.View) {
	w.Close()
	w.showAll(v)
}

func (w *Watch) showAll(v reports.View) {
	for _, o := range w.observers {
		o.Show(v)
	}
}

func (w *Watch) look() {
	defer close(w.done)
	looks := time.NewTicker(look)
	defer looks.Stop()
	for {
		select {
		case <-w.closed:
			return
		case <-w.many:
			w.takeAll()
		case now := <-looks.C:
			w.takeAll()
			w.show(now)
		}
	}
}

// takeAll counts in what has come.
func (w *Watch) takeAll() {
	w.mu.Lock()
	records, samples := w.records, w.samples
	w.start = w.began
	w.records, w.samples = w.before.records, w.before.samples
	w.mu.Unlock()
	for i := range records {
		w.take(&records[i])
	}
	for _, s := range samples {
		w.sample(s)
	}
	clear(records) // their chunks are not ours to keep
	clear(samples)
	w.before.records, w.before.samples = records[:0], samples[:0]
}

func (w *Watch) take(r *harness.Record) {
	w.ended++
	w.drawing.Record(r)
	w.sofar.Record(*r)
}

func (w *Watch) sample(s harness.Sample) {
	w.drawing.Sample(s)
	w.sofar.Sample(s)
}

// show makes the view that is wanted, where one is due again.
func (w *Watch) show(now time.Time) {
	p := w.progress(now.Sub(w.start))
	var who []Observer
	most := Nothing
	for _, o := range w.observers {
		if wants := o.Wants(p); wants != Nothing && !now.Before(w.next[wants]) {
			who, most = append(who, o), max(most, wants)
		}
	}
	if most == Nothing {
		return
	}
	began := time.Now()
	var v reports.View
	if most == Page {
		v = w.view(p.Now, p)
	} else {
		v = w.line(p.Now, p)
	}
	for _, o := range who {
		o.Show(v)
	}
	pause := min(longest, max(interval, share*time.Since(began)))
	for of := Line; of <= most; of++ {
		w.next[of] = now.Add(pause - look/2) // looks do not come to the nanosecond
	}
}

func (w *Watch) progress(now time.Duration) reports.Progress {
	p := reports.NewProgress(w.scenario, now, w.ended)
	w.mu.Lock()
	defer w.mu.Unlock()
	p.Omitted = w.omitted
	return p
}

// view is the page by now.
func (w *Watch) view(now time.Duration, p reports.Progress) reports.View {
	run := &harness.Run{Scenario: w.scenario, Start: w.start, Length: now, From: w.scenario.Warmup, To: max(now, w.scenario.Warmup), Requests: w.ended}
	defer w.sofar.Resume()
	return reports.NewRunningView(w.drawing, run, w.sofar.Measured(now), w.manifest, p)
}

// line is the same in one line.
func (w *Watch) line(now time.Duration, p reports.Progress) reports.View {
	defer w.sofar.Resume()
	return reports.NewRunningLine(w.drawing, w.scenario, w.sofar.Measured(now), w.manifest, p)
}
