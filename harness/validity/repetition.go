package validity

import (
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// What a loop is: at least so many equal pieces at the end of an answer, which are so many words together. Lists and
// refrains of good answers stay below; a model that is caught goes on until its limit.
const (
	loopTimes = 8
	loopWords = 32
	loopUnit  = 64 // words of the longest piece that is looked for
)

// Steady checks that an answer does not end in a loop.
type Steady struct{}

// Of looks for a piece that the answer ends with again and again.
func (Steady) Of(a harness.Answer) harness.Validity {
	words := strings.Fields(a.Text)
	for unit := 1; unit <= min(loopUnit, len(words)/loopTimes); unit++ {
		if same := suffix(words, unit); same >= unit*loopTimes && same >= loopWords {
			return harness.Repeats
		}
	}
	return harness.Valid
}

// suffix is how many words at the end equal those that stand unit words before them, and that unit.
func suffix(words []string, unit int) int {
	n := unit
	for n < len(words) && words[len(words)-1-n] == words[len(words)-1-n+unit] {
		n++
	}
	return n
}

func (Steady) String() string { return "does not repeat itself" }
