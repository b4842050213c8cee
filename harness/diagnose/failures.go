package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/fleet"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// failures are requests that did not end well, by kind.
type failures struct {
	due, n int
	kinds  map[harness.Failure]*failed
	on     *fleet.Contrast // whose requests they were
}

type failed struct {
	n       int
	example string // what was said of the first of them
	begun   int    // of them, those whose answer had begun
}

func newFailures(w *measure.Window) *failures {
	return &failures{kinds: map[harness.Failure]*failed{}, on: fleet.NewContrast(w.From, w.To)}
}

func (f *failures) take(r *harness.Record) {
	f.due++
	f.on.Take(r.Replica, r.Due, r.Failed())
	if !r.Failed() {
		return
	}
	f.n++
	of := f.kinds[r.Failure]
	if of == nil {
		of = &failed{example: r.Error}
		f.kinds[r.Failure] = of
	}
	of.n++
	of.begun += btoi(len(r.Chunks) > 0)
}

// most is the kind that there is most of.
func (f *failures) most() (harness.Failure, *failed) {
	kinds := slices.SortedFunc(maps.Keys(f.kinds), func(a, b harness.Failure) int {
		return cmp.Or(cmp.Compare(f.kinds[b].n, f.kinds[a].n), strings.Compare(string(a), string(b)))
	})
	return kinds[0], f.kinds[kinds[0]]
}

// because is what went wrong with most of them: "connections were refused: 24 of
// 480 requests had none".
func (f *failures) because() slo.Cause {
	kind, of := f.most()
	n := fmt.Sprintf("%s of %s", quantity.Grouped(of.n), quantity.Counted(f.due, "request"))
	quoted := ""
	if of.example != "" {
		quoted = fmt.Sprintf(" (“%s”)", shortened(of.example))
	}
	c := failureCause(kind, n, quoted)
	if others := f.n - of.n; others > 0 {
		c = c.With(fmt.Sprintf("; %s failed otherwise", quantity.Counted(others, "request")))
	}
	if s, yes := f.on.Slow(); yes {
		c = onEngine(c, s, "failed")
	}
	return c
}

// failureCause is for requests that failed in one way: n says how many of all did, and
// quoted what the first of them said.
func failureCause(kind harness.Failure, n, quoted string) slo.Cause {
	switch kind {
	case harness.Refused:
		return reason("connections were refused").With(": " + n + " found no server that took theirs" + quoted)
	case harness.Reset:
		return reason("connections were broken off").With(": those of " + n + quoted)
	case harness.Timeout:
		return reason("answers did not end in the time allowed").With(": those of " + n)
	case harness.Unanswered:
		return reason("answers did not end").With(": those of " + n + " were still awaited when the grace after the load was over")
	case harness.ErrorInStream:
		return reason("the server broke off answers with an error in mid-answer").With(": those of " + n + quoted)
	case harness.CutShort:
		return reason("answers were cut short").With(": those of " + n + " ended without a finish reason")
	case harness.Malformed:
		return reason("what came was not the protocol").With(": in " + n + quoted)
	case harness.Aborted:
		return reason("the server aborted answers").With(": those of " + n + quoted)
	case harness.ServerError:
		return reason("the server ended answers with an error").With(": those of " + n + quoted)
	case harness.ServerTimeout:
		return reason("the server ended answers for want of time").With(": those of " + n + quoted)
	case harness.Empty:
		return reason("answers came without any content").With(": those of " + n)
	case harness.WrongCount:
		return reason("answers had not one result for each input").With(": those to " + n + quoted)
	case harness.NotFinite:
		return reason("answers held what is no finite number").With(": those to " + n + quoted)
	case harness.OutOfSockets:
		return reason("the client had no sockets left").With(": for " + n + quoted)
	}
	if status, ok := kind.HTTPStatus(); ok {
		return reason(fmt.Sprintf("the server answered with status %d", status)).With(": to " + n + quoted)
	}
	return reason("requests failed").With(": " + n + ", " + string(kind) + quoted)
}

func shortened(s string) string {
	const most = 120
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
