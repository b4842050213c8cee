package slo

import "github.com/vllmspec/vllmspec/harness"

// bounds are how many answers had a bound that the server was to keep, and did not.
type bounds struct {
	most, longer   int // answers with a most, and those that were longer
	least, shorter int // answers with a least, and those that were shorter
}

// take takes an answer. Where the server does not count its tokens, there are at least
// about as many as chunks.
func (b *bounds) take(r *harness.Record) {
	if !r.OK() {
		return
	}
	tokens := r.OutputTokens
	if tokens == harness.Unreported {
		tokens = r.LeastTokens()
	}
	if r.RequestedOutputTokens > 0 && !r.Full {
		b.most++
		b.longer += one(tokens > r.RequestedOutputTokens || r.CountFault == harness.CountBeyondAsked)
	}
	if r.RequestedMinOutputTokens > 0 && r.OutputTokens != harness.Unreported {
		b.least++
		b.shorter += one(tokens < r.RequestedMinOutputTokens)
	}
}

// tokenCounts are how many answers came with token counts, and with which the counts cannot
// be right.
type tokenCounts struct {
	counted, silent int // whole answers with content, with a count and without
	faults          map[harness.CountFault]int
}

func (c *tokenCounts) take(r *harness.Record) {
	switch {
	case r.CountFault != "":
		if c.faults == nil {
			c.faults = map[harness.CountFault]int{}
		}
		c.faults[r.CountFault]++
	case r.OutputTokens != harness.Unreported:
		c.counted++
	case r.OK() && len(r.Chunks) > 0:
		c.silent++
	}
}

func (c *tokenCounts) faulty() (n int) {
	for _, count := range c.faults {
		n += count
	}
	return n
}

// endings are how answers ended, where a reader should know it.
type endings struct {
	whole, refused   int
	filtered, others map[string]int // by finish reason
}

// mostEndings bounds how many finish reasons are kept apart.
const mostEndings = 20

func (e *endings) take(r *harness.Record) {
	if !r.OK() {
		return
	}
	e.whole++
	e.refused += one(r.Refused)
	of := &e.others
	switch {
	case r.Filtered():
		of = &e.filtered
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
