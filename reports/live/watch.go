package live

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

// An Observer is shown a run from time to time.
type Observer interface {
	Wants() bool // somebody looks on just now
	Show(reports.View)
}

// A Watch looks on at one run, as one of its sinks, and shows it to observers each
// second. It never waits and never makes wait: what comes while it has no time is
// left out, counted, and told. What a view costs decides when the next one is made,
// so that all of it stays below a twenty-fifth of a core.
type Watch struct {
	scenario  harness.Scenario
	manifest  store.Manifest
	observers []Observer

	came    chan any // harness.Record or harness.Sample
	omitted atomic.Int64
	close   sync.Once
	done    chan struct{}

	// Of the goroutine that looks on.
	start   time.Time // of the run
	ended   int
	drawing *reports.Drawing
	sofar   *slo.SoFar
}

const (
	waiting  = 4096        // what may come while a view is made
	interval = time.Second // between two views, at least
	longest  = 5 * interval
	share    = 25 // of a core, at most one part of so many, unless that would be less often than longest
)

// NewWatch looks on at a run that is about to begin. The manifest says what is known of
// it beforehand. Close ends it.
func NewWatch(s harness.Scenario, m store.Manifest, observers ...Observer) *Watch {
	w := &Watch{scenario: s, manifest: m, observers: observers, came: make(chan any, waiting), done: make(chan struct{}),
		start: time.Now(), drawing: reports.NewDrawing(0, reports.Brief()), sofar: slo.NewSoFar(s)}
	w.showAll(w.view(0))
	go w.look()
	return w
}

// Record takes a request that has ended.
func (w *Watch) Record(r harness.Record) error {
	select {
	case w.came <- r:
	default:
		w.omitted.Add(1)
	}
	return nil
}

// Sample takes a reading.
func (w *Watch) Sample(s harness.Sample) error {
	select {
	case w.came <- s:
	default:
	}
	return nil
}

// Close ends it: nothing more comes.
func (w *Watch) Close() error {
	w.close.Do(func() { close(w.came) })
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
	timer := time.NewTimer(interval / 2) // the first one soon: somebody may be waiting
	defer timer.Stop()
	for {
		select {
		case what, more := <-w.came:
			if !more {
				return
			}
			w.take(what)
		case <-timer.C:
			timer.Reset(min(longest, max(interval, share*w.show())))
		}
	}
}

func (w *Watch) take(what any) {
	switch it := what.(type) {
	case harness.Record:
		w.ended++
		w.drawing.Record(&it)
		w.sofar.Record(it)
	case harness.Sample:
		if began := time.Now().Add(-it.At); it.At == 0 || began.Before(w.start) {
			w.start = began // the run's clock, as far as we know it
		}
		w.drawing.Sample(it)
		w.sofar.Sample(it)
	}
}

// show makes a view for those who want one, and tells how long that took.
func (w *Watch) show() time.Duration {
	var who []Observer
	for _, o := range w.observers {
		if o.Wants() {
			who = append(who, o)
		}
	}
	if who == nil {
		return 0
	}
	began := time.Now()
	v := w.view(began.Sub(w.start))
	for _, o := range who {
		o.Show(v)
	}
	return time.Since(began)
}

func (w *Watch) view(now time.Duration) reports.View {
	run := &harness.Run{Scenario: w.scenario, Start: w.start, Length: now, From: w.scenario.Warmup, To: max(now, w.scenario.Warmup), Requests: w.ended}
	p := reports.NewProgress(w.scenario, now, w.ended)
	p.Omitted = int(w.omitted.Load())
	defer w.sofar.Resume()
	return reports.NewRunningView(w.drawing, run, w.sofar.Measured(now), w.manifest, p)
}
