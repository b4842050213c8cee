package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// failures are requests that did not end well, by kind.
type failures struct {
	due, n int
	kinds  map[harness.Failure]*failed
}

type failed struct {
	n       int
	example string // what was said of the first of them
	begun   int    // of them, those whose answer had begun
}

func newFailures() *failures { return &failures{kinds: map[harness.Failure]*failed{}} }

func (f *failures) take(r *harness.Record) {
	f.due++
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

// because says what went wrong with most of them: "connections were refused: 24 of
// 480 requests had none".
func (f *failures) because() string {
	kind, of := f.most()
	n := fmt.Sprintf("%s of %s", quantity.Grouped(of.n), quantity.Counted(f.due, "request"))
	said := ""
	if of.example != "" {
		said = fmt.Sprintf(" (“%s”)", shortened(of.example))
	}
	var s string
	switch kind {
	case harness.Refused:
		s = "connections were refused: " + n + " found no server that took theirs" + said
	case harness.Reset:
		s = "connections were broken off: those of " + n + said
	case harness.Timeout:
		s = "answers did not end in the time allowed: those of " + n
	case harness.Unanswered:
		s = "answers did not end: those of " + n + " were still awaited when the grace after the load was over"
	case harness.ErrorInStream:
		s = "the server broke off answers with an error in mid-answer: those of " + n + said
	case harness.CutShort:
		s = "answers were cut short: those of " + n + " ended without a finish reason"
	case harness.Malformed:
		s = "what came was not the protocol: in " + n + said
	case harness.Aborted:
		s = "the server aborted answers: those of " + n + said
	case harness.ServerError:
		s = "the server ended answers with an error: those of " + n + said
	case harness.ServerTimeout:
		s = "the server ended answers for want of time: those of " + n + said
	case harness.Empty:
		s = "answers came without any content: those of " + n
	case harness.OutOfSockets:
		s = "the client had no sockets left: for " + n + said
	default:
		s = "requests failed: " + n + ", " + string(kind) + said
		if status, ok := strings.CutPrefix(string(kind), "http "); ok {
			s = "the server answered with status " + status + ": to " + n + said
		}
	}
	if others := f.n - of.n; others > 0 {
		s += fmt.Sprintf("; %s failed otherwise", quantity.Counted(others, "request"))
	}
	return s
}

func shortened(s string) string {
	const most = 120
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
