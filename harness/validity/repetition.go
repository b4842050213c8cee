package validity

import (
	"strings"
	"unicode"

	"github.com/vllmspec/vllmspec/harness"
)

// What a loop is: so many equal pieces at the end of an answer, which are so many characters together. Lists and
// refrains of good answers stay below; a model that is caught goes on until its limit.
const (
	loopTimes  = 8
	loopLength = 128
	loopUnit   = 400 // characters of the longest piece that is looked for, some sixty words
)

// Steady checks that an answer does not end in a loop.
type Steady struct{}

// Of looks for a piece that the answer, or its calls of tools, ends with again and again.
func (Steady) Of(a harness.Answer) harness.Validity {
	if loops(a.Text) || loops(a.Calls) {
		return harness.Repeats
	}
	return harness.Valid
}

// loops reports whether a text ends in a loop. Its last piece may be cut, as the limit of an answer's length cuts it.
func loops(text string) bool {
	end := []rune(strings.TrimRightFunc(text, unicode.IsSpace))
	end = end[max(0, len(end)-loopUnit*(loopTimes+1)):]
	for unit := 1; unit <= min(loopUnit, len(end)/loopTimes); unit++ {
		if same := periodic(end, unit); same >= unit*loopTimes && same >= loopLength {
			return true
		}
	}
	return false
}

// periodic is how many characters at the end equal those that stand unit before them, and that unit.
func periodic(text []rune, unit int) int {
	n := unit
	for n < len(text) && text[len(text)-1-n] == text[len(text)-1-n+unit] {
		n++
	}
	return n
}

func (Steady) String() string { return "does not repeat itself" }
