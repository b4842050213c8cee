package dataset

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A flaw is why a record of a file that can be read cannot be asked.
type flaw int

const (
	emptyPrompt flaw = iota
	noTurns
	noUserTurn
	emptyTurn
	unknownRole
	otherForm
	halfSurrogate
	fewTurns // than the scenario asks for: the file is not to blame
	noAnswer // of a trace
	noLength
	flaws // how many there are
)

func (f flaw) String() string {
	return [flaws]string{
		emptyPrompt: "with an empty prompt", noTurns: "without turns", noUserTurn: "without a user's turn", emptyTurn: "with an empty user's turn",
		unknownRole: "with a turn of an unknown role", otherForm: "in another form", halfSurrogate: "with half a character", fewTurns: "with too few turns",
		noAnswer: "that failed, with an answer of 0 tokens", noLength: "without the length of a prompt or an answer",
	}[f]
}

// An unaskable is a record that is left out and counted, and what is wrong with it.
type unaskable struct {
	flaw flaw
	says string
}

func (u *unaskable) Error() string { return u.says }

// A spot is a record of a file.
type spot struct {
	number, line int64 // number from 0, line from 1
	err          error
}

// leftOut counts the records that cannot be asked.
type leftOut struct {
	of     int64 // records in all
	counts [flaws]int64
	first  [flaws]spot // of each flaw
}

// take counts a record that cannot be asked, and reports whether err says that it is one.
func (l *leftOut) take(number, line int64, err error) bool {
	u, ok := errors.AsType[*unaskable](err)
	if !ok {
		return false
	}
	if l.counts[u.flaw] == 0 || number < l.first[u.flaw].number {
		l.first[u.flaw] = spot{number, line, err}
	}
	l.counts[u.flaw]++
	return true
}

// add adds what comes after so many records and lines.
func (l *leftOut) add(more *leftOut, records, lines int64) {
	l.of += more.of
	for f, count := range more.counts {
		at := more.first[f]
		at.number, at.line = at.number+records, at.line+lines
		if count > 0 && (l.counts[f] == 0 || at.number < l.first[f].number) {
			l.first[f] = at
		}
		l.counts[f] += count
	}
}

func (l *leftOut) sum() (n int64) {
	for _, count := range l.counts {
		n += count
	}
	return n
}

// check refuses a file most of whose records cannot be asked: it has another form. Dumps of
// real conversations have up to a third of them. What it says begins with the commonest flaw.
func (l *leftOut) check(noun string) error {
	wrong := l.sum() - l.counts[fewTurns]
	if 2*wrong <= l.of {
		return nil
	}
	worst := emptyPrompt
	for f := range flaws {
		if f != fewTurns && l.counts[f] > l.counts[worst] {
			worst = f
		}
	}
	at := l.first[worst]
	err := fmt.Errorf("%w; %s of %s %s cannot be asked (%s)", at.err, grouped(wrong), grouped(l.of), noun, l.list())
	if at.line < 2 && at.number > 0 { // the file is one line, and its number says nothing
		return err
	}
	return &lineError{at.line, err}
}

// list is the flaws with their counts.
func (l *leftOut) list() string {
	var parts []string
	for f := range flaws {
		if l.counts[f] > 0 {
			parts = append(parts, fmt.Sprintf("%s %v", grouped(l.counts[f]), f))
		}
	}
	return strings.Join(parts, ", ")
}

// remark says how many records are left out, and why; none where none are.
func (l *leftOut) remark(path, noun string) []string {
	if l.sum() == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s %s: %s left out (%s)", path, grouped(l.of), noun, grouped(l.sum()), l.list())}
}

// grouped is a count with commas: 94,000.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
