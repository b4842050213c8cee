package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vllmspec/vllmspec/harness/internal/prefix"
)

// A Runner runs scenarios. Its zero fields have sensible defaults; only Client
// is needed.
type Runner struct {
	Client   Client
	Samplers []Sampler
	Archive  Archive                        // where the run is kept; nil: in memory
	Sinks    []Sink                         // that are given everything too
	Good     func(*Record) bool             // what makes one request good; nil: every whole answer
	Timeout  time.Duration                  // for one answer, from when it was sent; 0: 10 minutes, or 30 of a load by count
	Grace    time.Duration                  // for answers still in flight when the load is over; 0: 10 minutes, or Timeout where that is longer; a load by count waits for all
	Deadline time.Time                      // when all must have ended; zero: none
	Every    time.Duration                  // between samples; 0: 1 second
	Abandon  func(now time.Duration) string // is asked now and then, where sinks are called, whether to go on: a reason ends the load; nil: never
	ChatHead int                            // tokens that the server's chat template puts around what is said; 0: not known
	Chats    bool                           // the client asks chats in place of completions
	Precise  bool                           // wait for due instants with the system's best timer, which knows the real clock only
}

// The causes that end a request from our side.
var (
	errInterrupted = errors.New("the run was interrupted")
	errUnanswered  = errors.New("no end of the answer within the grace after the load")
	errTimeout     = errors.New("no end of the answer within the time allowed")
	errCanceled    = errors.New("the user left")
	errAbandoned   = errors.New("the run was abandoned")
)

// Run issues the scenario's load and returns when every request has ended and
// every sink has taken what it was given. Ending the context stops the load,
// cancels what is in flight and returns the run so far; so does a reason to
// abandon it. That is no error, but Run.Stopped says so. An error means that the run could not begin, or that a
// sink lost something.
func (r Runner) Run(ctx context.Context, s Scenario) (*Run, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	shared := sharing{prefix.New(r.ChatHead, r.Chats)}
	issue, err := s.prepare(r.Client, shared)
	if err != nil {
		return nil, err
	}
	l := &load{
		runner:   r.withDefaults(s.Load),
		scenario: s,
		shared:   shared,
		start:    time.Now(),
		records:  make(chan Record, 8192),
		samples:  make(chan Sample, 1024),
	}
	archive := l.runner.Archive
	l.runner.Sinks = append([]Sink{archive}, r.Sinks...)
	sinksErr := l.run(ctx, issue)
	if remarking, ok := r.Client.(interface{ Remarks() []string }); ok {
		for _, remark := range remarking.Remarks() {
			l.warn("%s", remark)
		}
	}
	var short *Shortfall
	if ctx.Err() == nil {
		short = l.shortfall()
	}
	run := &Run{
		Shortfall: short,
		Scenario:  s,
		Start:     l.start,
		Length:    l.length,
		Requests:  l.recorded,
		Records:   archive.Records(),
		Samples:   archive.Samples(),
		Warnings:  l.warnings,
		Unread:    l.unread,
	}
	if run.From, run.To = s.Warmup, l.issuedUntil; run.To < time.Millisecond {
		run.To = run.Length // all were due at one instant: what counts is the time in which they were answered
	}
	switch {
	case ctx.Err() != nil:
		run.Stopped = InterruptedBy(ctx)
	case l.abandoned != "":
		run.Stopped = Stop{StopAbandoned, l.abandoned}
	}
	return run, sinksErr
}

func (r Runner) withDefaults(load Load) Runner {
	if r.Good == nil {
		r.Good = (*Record).OK
	}
	if r.Archive == nil {
		r.Archive = new(Memory)
	}
	r.Every = cmp.Or(r.Every, time.Second)
	return r.patient(load)
}

// A load is a run while it goes on.
type load struct {
	runner   Runner
	scenario Scenario
	shared   sharing
	start    time.Time

	records  chan Record
	samples  chan Sample
	recorded int            // touched by the collector only
	asking   sync.WaitGroup // requests and users

	issued, failed, backlog, seq atomic.Int64
	inFlight                     level
	issuedUntil                  time.Duration // written by the issuer, read when it is done
	length                       time.Duration // until the last request had ended
	wholeIssued                  atomic.Bool   // the issuer is done

	giveUp    context.CancelCauseFunc // ends what is in flight
	stop      context.CancelFunc      // ends the load
	abandoned string                  // why; written by the collector, read when it is done
	nextDoubt time.Duration

	mu       sync.Mutex
	warnings []Warning
	short    *Shortfall        // as far as it is known
	unread   map[string]string // see [Run.Unread]
}

// An issuer starts requests until the load is over. It returns the end of the
// window in which requests were due.
type issuer func(ctx, asking context.Context, l *load) time.Duration

func (l *load) run(ctx context.Context, issue issuer) error {
	asking, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer giveUp(nil)
	unhook := context.AfterFunc(ctx, func() { giveUp(errInterrupted) })
	defer unhook()
	issuing, stop := context.WithCancel(ctx)
	defer stop()
	l.giveUp, l.stop = giveUp, stop

	sampling, stopSampling := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSampling()
	var watching sync.WaitGroup
	watchers := l.watchers()
	first := l.firstReadings(ctx, watchers)
	l.start, l.inFlight = time.Now(), level{}
	collected := make(chan error, 1)
	go func() { collected <- l.collect() }()
	for _, sample := range first {
		l.samples <- sample
	}
	l.watch(sampling, watchers, &watching)

	stopClock := l.endsBy(func() {
		l.outOfTime(issuing.Err() == nil && !l.wholeIssued.Load())
		stop()
		giveUp(errUnanswered)
	})
	l.issuedUntil = issue(issuing, asking, l)
	l.wholeIssued.Store(true)
	grace := time.AfterFunc(l.runner.Grace, func() { giveUp(errUnanswered) })
	l.asking.Wait()
	grace.Stop()
	stopClock()
	l.length = time.Since(l.start)
	stopSampling()
	watching.Wait()
	if !slices.ContainsFunc(watchers, func(w *watcher) bool { _, waits := w.endReader(); return waits }) {
		l.length = time.Since(l.start) // the last readings are part of it, where they do not wait for others
	}
	close(l.records)
	close(l.samples)
	return <-collected
}

// collect is the one goroutine that the sinks are called from.
func (l *load) collect() error {
	var failures []error
	each := func(give func(Sink) error) {
		for _, sink := range l.runner.Sinks {
			if err := give(sink); err != nil && len(failures) < 10 {
				failures = append(failures, err)
			}
		}
	}
	records, samples := l.records, l.samples
	ticks, stopTicking := l.doubts()
	defer stopTicking()
	for records != nil || samples != nil {
		select {
		case rec, ok := <-records:
			if !ok {
				records = nil
				continue
			}
			l.recorded++
			each(func(s Sink) error { return s.Record(rec) })
		case sample, ok := <-samples:
			if !ok {
				samples = nil
				continue
			}
			each(func(s Sink) error { return s.Sample(sample) })
		case <-ticks:
			l.doubt()
		}
	}
	each(Sink.Close)
	return errors.Join(failures...)
}

// doubts ticks when it is time to ask whether to go on.
func (l *load) doubts() (<-chan time.Time, func()) {
	if l.runner.Abandon == nil {
		return nil, func() {}
	}
	ticker := time.NewTicker(l.runner.Every)
	return ticker.C, ticker.Stop
}

// doubt asks whether to go on, the longer the run the less often.
func (l *load) doubt() {
	now := l.now()
	if l.abandoned != "" || now < l.nextDoubt {
		return
	}
	l.nextDoubt = now + now/50
	if l.abandoned = l.runner.Abandon(now); l.abandoned != "" {
		l.stop()
		l.giveUp(errAbandoned)
	}
}

func (l *load) warn(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.warnings = append(l.warnings, Warning{Text: fmt.Sprintf(format, args...)})
}

// now is the time since the run began.
func (l *load) now() time.Duration { return time.Since(l.start) }

// The streams that a scenario's seed is split into. Each draw has its own, so
// that changing one thing, the think time say, changes no other.
const (
	arrivalStream uint64 = iota + 1
	promptStream
	thinkStream
	turnStream
	leaveStream
)

// stream is the random stream of one kind and, in closed loops, of one user.
func (s Scenario) stream(kind uint64, user int) *rand.Rand {
	return rand.New(rand.NewPCG(s.Seed, kind<<32|uint64(user)))
}

func (s Scenario) check() error {
	switch {
	case s.Dataset == nil:
		return errors.New("the scenario has no workload: say what is asked")
	case s.Load == nil:
		return errors.New("the scenario has no load: say when requests are due")
	case s.Warmup < 0:
		return fmt.Errorf("the warm-up is %v; it cannot be negative", s.Warmup)
	case s.Abandonment.check() != nil:
		return s.Abandonment.check()
	}
	if planned := s.Load.Planned(); planned > 0 && s.Warmup >= planned {
		return fmt.Errorf("the warm-up of %v leaves nothing to measure of a load of %v: make it shorter", s.Warmup, planned)
	}
	return nil
}
