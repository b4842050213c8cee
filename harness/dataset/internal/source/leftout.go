package source

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Flaw is why a record of a file that can be read cannot be asked.
type Flaw int

// The flaws, as [Flaw.String] has them.
const (
	EmptyPrompt Flaw = iota
	NoTurns
	NoUserTurn
	EmptyTurn
	UnknownRole
	OtherForm
	HalfSurrogate
	FewTurns // than the scenario asks for: the file is not to blame
	NoAnswer // of a trace
	NoLength
	flaws // how many there are
)

// String is the flaw after "94 records": "94 with an empty prompt".
func (f Flaw) String() string {
	return [flaws]string{
		EmptyPrompt: "with an empty prompt", NoTurns: "without turns", NoUserTurn: "without a user's turn", EmptyTurn: "with an empty user's turn",
		UnknownRole: "with a turn of an unknown role", OtherForm: "in another form", HalfSurrogate: "with half a character", FewTurns: "with too few turns",
		NoAnswer: "that failed, with an answer of 0 tokens", NoLength: "without the length of a prompt or an answer",
	}[f]
}

// An Unaskable is a record that is left out and counted, and what is wrong with it.
type Unaskable struct {
	Flaw Flaw
	Says string
}

// NewUnaskable is a record with a flaw, and the sentence that says so.
func NewUnaskable(flaw Flaw, says string) *Unaskable { return &Unaskable{flaw, says} }

// Error implements error.
func (u *Unaskable) Error() string { return u.Says }

// A spot is a record of a file.
type spot struct {
	number, line int64 // number from 0, line from 1
	err          error
}

// LeftOut counts the records that cannot be asked.
type LeftOut struct {
	Of     int64 // records in all
	Counts [flaws]int64
	first  [flaws]spot // of each flaw
}

// Take counts a record that cannot be asked, and reports whether err says that it is one.
func (l *LeftOut) Take(number, line int64, err error) bool {
	u, ok := errors.AsType[*Unaskable](err)
	if !ok {
		return false
	}
	if l.Counts[u.Flaw] == 0 || number < l.first[u.Flaw].number {
		l.first[u.Flaw] = spot{number, line, err}
	}
	l.Counts[u.Flaw]++
	return true
}

// Add adds what comes after so many records and lines.
func (l *LeftOut) Add(more *LeftOut, records, lines int64) {
	l.Of += more.Of
	for f, count := range more.Counts {
		at := more.first[f]
		at.number, at.line = at.number+records, at.line+lines
		if count > 0 && (l.Counts[f] == 0 || at.number < l.first[f].number) {
			l.first[f] = at
		}
		l.Counts[f] += count
	}
}

// Sum is how many are left out.
func (l *LeftOut) Sum() (n int64) {
	for _, count := range l.Counts {
		n += count
	}
	return n
}

// Check refuses a file most of whose records cannot be asked: it has another form. Dumps of
// real conversations have up to a third of them. What it says begins with the commonest flaw.
func (l *LeftOut) Check(noun string) error {
	wrong := l.Sum() - l.Counts[FewTurns]
	if 2*wrong <= l.Of {
		return nil
	}
	worst := EmptyPrompt
	for f := range flaws {
		if f != FewTurns && l.Counts[f] > l.Counts[worst] {
			worst = f
		}
	}
	at := l.first[worst]
	err := fmt.Errorf("%w; %s of %s %s cannot be asked (%s)", at.err, grouped(wrong), grouped(l.Of), noun, l.list())
	if at.line < 2 && at.number > 0 { // the file is one line, and its number says nothing
		return err
	}
	return &LineError{at.line, err}
}

// list is the flaws with their counts.
func (l *LeftOut) list() string {
	var parts []string
	for f := range flaws {
		if l.Counts[f] > 0 {
			parts = append(parts, fmt.Sprintf("%s %v", grouped(l.Counts[f]), f))
		}
	}
	return strings.Join(parts, ", ")
}

// Remark says how many records are left out, and why; none where none are.
func (l *LeftOut) Remark(path, noun string) []string {
	if l.Sum() == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s %s: %s left out (%s)", path, grouped(l.Of), noun, grouped(l.Sum()), l.list())}
}

// grouped is a count with commas: 94,000.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
