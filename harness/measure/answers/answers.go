// Package answers counts, over the requests of a run, how answers ended: which bounds of their length they kept, whether the
// server counted their tokens, with which reasons they finished, and what their checks found.
package answers

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// Bounds are how many answers had a bound that the server was to keep, and did not.
type Bounds struct {
	Most, Longer   int // answers with a most, and those that were longer
	Least, Shorter int // answers with a least, and those that were shorter
}

// Take takes an answer. Where the server does not count its tokens, there are at least
// about as many as chunks.
func (b *Bounds) Take(r *harness.Record) {
	if !r.OK() {
		return
	}
	tokens := r.OutputTokens
	if tokens == harness.Unreported {
		tokens = r.LeastTokens()
	}
	if r.RequestedOutputTokens > 0 && !r.Full {
		b.Most++
		b.Longer += one(tokens > r.RequestedOutputTokens || r.CountFault == harness.CountBeyondAsked)
	}
	if r.RequestedMinOutputTokens > 0 && r.OutputTokens != harness.Unreported {
		b.Least++
		b.Shorter += one(tokens < r.RequestedMinOutputTokens)
	}
}

// TokenCounts are how many answers came with token counts, and with which the counts cannot
// be right.
type TokenCounts struct {
	Counted, Silent int // whole answers with content, with a count and without
	Faults          map[harness.CountFault]int
}

// Take takes an answer.
func (c *TokenCounts) Take(r *harness.Record) {
	switch {
	case r.CountFault != "":
		if c.Faults == nil {
			c.Faults = map[harness.CountFault]int{}
		}
		c.Faults[r.CountFault]++
	case r.OutputTokens != harness.Unreported:
		c.Counted++
	case r.OK() && r.HasContent():
		c.Silent++
	}
}

// Faulty is how many answers had counts that cannot be right.
func (c *TokenCounts) Faulty() (n int) {
	for _, count := range c.Faults {
		n += count
	}
	return n
}

// Endings are how answers ended, where a reader should know it.
type Endings struct {
	Whole, Refused   int
	Filtered, Others map[string]int // by finish reason
	Checked          map[harness.Validity]int
}

// mostEndings bounds how many finish reasons are kept apart.
const mostEndings = 20

// Take takes an answer.
func (e *Endings) Take(r *harness.Record) {
	if !r.OK() {
		return
	}
	e.Whole++
	e.Refused += one(r.Refused)
	e.check(r.Validity)
	of := &e.Others
	switch {
	case r.Filtered():
		of = &e.Filtered
	case r.KnownFinish() || r.Finish == "":
		return
	}
	if *of == nil {
		*of = map[string]int{}
	}
	if _, seen := (*of)[r.Finish]; seen || len(*of) < mostEndings {
		(*of)[r.Finish]++
	}
}

func (e *Endings) check(found harness.Validity) {
	if found == harness.Unchecked {
		return
	}
	if e.Checked == nil {
		e.Checked = map[harness.Validity]int{}
	}
	e.Checked[found]++
}

// CheckedAnswers is how many answers were checked.
func (e *Endings) CheckedAnswers() (n int) {
	for _, answers := range e.Checked {
		n += answers
	}
	return n
}

// Found is what checks found, the most frequent first: 30 of 593 checked answers were not JSON, 2 ended in a loop.
func (e *Endings) Found() string {
	says := map[harness.Validity]string{
		harness.NoText:    "had no text",
		harness.NotJSON:   "were not JSON",
		harness.OffSchema: "did not follow the schema",
		harness.WrongCall: "called no tool as it is declared",
		harness.Repeats:   "ended in a loop",
		harness.Script:    "were written in another script",
		harness.Unended:   "ran to the limit of their length",
	}
	var parts []string
	for _, kind := range slices.SortedFunc(maps.Keys(e.Checked), func(a, b harness.Validity) int {
		return cmp.Or(e.Checked[b]-e.Checked[a], strings.Compare(string(a), string(b)))
	}) {
		if kind != harness.Valid {
			parts = append(parts, fmt.Sprintf("%s %s", quantity.Grouped(e.Checked[kind]), cmp.Or(says[kind], "were wrong: "+string(kind))))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Replace(strings.Join(parts, ", "), " ", fmt.Sprintf(" of %s ", quantity.Counted(e.CheckedAnswers(), "checked answer")), 1)
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
