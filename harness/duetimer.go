package harness

import (
	"context"
	"time"

	"github.com/vllmspec/vllmspec/harness/internal/timer"
)

// A dueTimer waits for the instants at which requests are due. On a real clock,
// where the system has something better than Go's own timers, it uses that: a
// runtime timer wakes up to a millisecond late, because the poller under it
// counts in milliseconds (runtime/netpoll_epoll.go).
type dueTimer struct {
	load    *load
	ctx     context.Context
	precise *timer.Timer // nil: Go's own
}

// newDueTimer is a timer that ends with a context.
func (l *load) newDueTimer(ctx context.Context) *dueTimer {
	a := &dueTimer{load: l, ctx: ctx}
	if l.runner.Precise {
		a.precise = timer.New(ctx)
	}
	return a
}

// until waits for an instant of the run and reports false when the context
// ended first.
func (a *dueTimer) until(due time.Duration) bool {
	wait := due - a.load.now()
	if a.precise == nil || wait <= 0 {
		return a.load.sleepUntil(a.ctx, due)
	}
	if err := a.precise.Wait(wait); err != nil {
		return a.load.sleepUntil(a.ctx, due) // it ended, or the system refused
	}
	return a.ctx.Err() == nil
}

func (a *dueTimer) close() {
	if a.precise != nil {
		a.precise.Close()
	}
}
