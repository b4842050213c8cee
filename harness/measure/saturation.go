package measure

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// parts of the window, in each of which requests that are due and not answered are
// averaged.
const parts = 5

// What makes a growing backlog one that would grow for ever.
const (
	grownMost  = 1.5  // times as many in the last part as in the first
	unanswered = 0.02 // of the requests that were due meanwhile
)

// A backlog is the time that requests were due and not answered, by part of the
// window.
type backlog [parts]float64 // s

func (b *backlog) take(r *harness.Record, w *Window) {
	if r.Done == harness.NoTime || w.Seconds() <= 0 || w.GoesOn {
		return
	}
	length := w.Seconds() / parts
	due, done := (r.Due - w.From).Seconds(), (r.Done - w.From).Seconds()
	for i := max(0, int(due/length)); i < parts; i++ {
		begin, end := float64(i)*length, float64(i+1)*length
		if done <= begin {
			return
		}
		b[i] += max(0, min(done, end)-max(due, begin))
	}
}

// Saturated says that more came than was answered, so that the backlog grew from
// part to part of the window and would grow without end; "" where it did not. No
// latency of such a run is one of the server's: each is as long as the run was.
func (w *Window) Saturated() string {
	for _, part := range w.parts {
		if why := part.Saturated(); why != "" {
			return why
		}
	}
	if len(w.parts) > 0 {
		return ""
	}
	open, ok := w.Run.Scenario.Load.(harness.Open)
	if !ok || !open.Steady() || w.Due == 0 || w.Seconds() <= 0 || w.GoesOn {
		return ""
	}
	for i := 1; i < parts; i++ {
		if w.backlog[i] <= w.backlog[i-1] {
			return ""
		}
	}
	length := w.Seconds() / parts
	first, last := w.backlog[0]/length, w.backlog[parts-1]/length
	meanwhile := float64(w.Due) * (parts - 1) / parts
	if last < grownMost*first || last-first < unanswered*meanwhile {
		return ""
	}
	return fmt.Sprintf("more came than was answered: the backlog grew from %s to %s requests and went on growing, so that a longer run would have longer latencies", quantity.Digits(first), quantity.Digits(last))
}
