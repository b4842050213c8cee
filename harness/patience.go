package harness

import (
	"cmp"
	"math"
	"time"
)

// How long answers are waited for where that is not said: a reasoning model that starts cold
// thinks for minutes, and one request of a batch waits in the server's queue for all others.
const (
	timeoutByTime  = 10 * time.Minute
	timeoutByCount = 30 * time.Minute
	graceByTime    = 10 * time.Minute
	endless        = time.Duration(math.MaxInt64)
)

// patient is the runner with its defaults for a load. One by count is over when its last
// request was issued, which says nothing of how long its answers take, nor of how long
// requests wait for a slot in flight: it waits for all of them, each as long as it may take.
func (r Runner) patient(load Load) Runner {
	open, isOpen := load.(Open)
	closed, isClosed := load.(Closed)
	if isOpen && open.For == 0 || isClosed && closed.For == 0 {
		r.Timeout = cmp.Or(r.Timeout, timeoutByCount)
		r.Grace = cmp.Or(r.Grace, endless)
		return r
	}
	r.Grace = cmp.Or(r.Grace, max(graceByTime, r.Timeout))
	r.Timeout = cmp.Or(r.Timeout, timeoutByTime)
	return r
}

// endsBy ends what is in flight, and the load, when the time that the run has is over. It
// returns what keeps it from that.
func (l *load) endsBy(over func()) (stop func() bool) {
	if l.runner.Deadline.IsZero() {
		return func() bool { return true }
	}
	return time.AfterFunc(time.Until(l.runner.Deadline), over).Stop
}

// outOfTime notes that the run's time was over before it had ended.
func (l *load) outOfTime(issuing bool) {
	l.warn("the run's time was over after %v: answers were awaited no longer, and are unanswered", l.now().Round(time.Second))
	if issuing {
		l.fallShort(Shortfall{Cause: OutOfTime})
	}
}
