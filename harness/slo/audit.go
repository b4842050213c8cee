package slo

import (
	"fmt"
	"math"

	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// An audit looks for what rows of a run cannot be relied on for.
type audit struct{ client }

// Audit lists what was found that rows of the run cannot be relied on for. Each says
// what to do.
func Audit(window *measure.Window) (found []Finding) {
	w := audit{client{window}}
	whole := func(text string) { found = append(found, Finding{WholeRun, text}) }
	if w.Run.Stopped.Early() {
		whole(endedEarly + w.Run.Stopped.String())
	}
	if w.Requests() < w.Run.Requests {
		whole(fmt.Sprintf("only %s of %s could be read back: requests.parquet is broken", quantity.Grouped(w.Requests()), quantity.Counted(w.Run.Requests, "request")))
	}
	if w.Due == 0 {
		whole(measure.NothingDue)
		return found
	}
	found = append(found, w.delivered()...)
	if cache := w.cache(); cache != "" {
		found = append(found, Finding{CachedWork, cache})
	}
	if whose := w.NotItsOwn(); whose != "" {
		found = append(found, Finding{ServerFigures, whose})
	}
	found = append(found, w.leftovers()...)
	for _, reason := range w.otherLengths() {
		whole(reason)
	}
	found = append(found, w.buffered()...)
	for _, c := range Checks(window) {
		if c.Reason != "" {
			found = append(found, Finding{c.Voids, c.Reason})
		}
	}
	return found
}

// What a contract about the prefix cache tolerates.
const (
	coldMost  = 0.01 // hit rate of a cold cache
	warmLeast = 0.90 // of what can be found, in a warm one
	hitOff    = 0.05 // hit rate, from the one that was asked for
)

// cache says why the prefix cache was not as the scenario says; "" where it was.
func (w audit) cache() string {
	contract := w.Run.Scenario.Cache
	if contract == nil {
		return ""
	}
	hits := measure.HitRate(w.Window)
	if hits.Reason != "" {
		return "what was in the prefix cache is unknown: " + hits.Reason
	}
	if w.Lengths.Tokens == 0 && contract.Share == 1 {
		return "what could have been found in the prefix cache is unknown: the server reported no token counts"
	}
	was := quantity.Format(hits.Value, quantity.Ratio)
	switch findable := w.Lengths.Findable(); {
	case contract.Share == 0 && hits.Value > w.coldLimit():
		return fmt.Sprintf("the prefix cache was to be cold, but %s of prompt tokens were found in it: the server does not honour cache_salt, or others use it meanwhile", was)
	case contract.Share == 1 && hits.Value < warmLeast*findable:
		return fmt.Sprintf("the prefix cache was to be warm, but %s of prompt tokens were found in it, and %s could have been: it is off or too small, or others use it meanwhile", was, quantity.Format(findable, quantity.Ratio))
	case contract.Share > 0 && contract.Share < 1 && math.Abs(hits.Value-contract.Share) > hitOff:
		return fmt.Sprintf("%s of prompt tokens were to be found in the prefix cache, but it was %s: it is off or too small, or others use it meanwhile", quantity.Format(contract.Share, quantity.Ratio), was)
	}
	return ""
}

// otherMost is the share of requests whose lengths may be others than were asked for.
const otherMost = 0.01

// otherLengths says that the load was not the one that was asked for: a server
// that answers in fewer tokens, or cuts prompts, is a faster one.
func (w audit) otherLengths() (reasons []string) {
	l := w.Lengths
	if float64(l.OtherPrompts) > otherMost*float64(l.Prompts) {
		reasons = append(reasons, fmt.Sprintf("the server counted another number of prompt tokens than was sent in %s of %s: the load was not the one that was asked for", quantity.Grouped(l.OtherPrompts), quantity.Counted(l.Prompts, "request")))
	}
	if float64(l.OtherAnswers) > otherMost*float64(l.Answers) {
		reasons = append(reasons, fmt.Sprintf("%s of %s did not have the length that was asked for: does the server honour ignore_eos?", quantity.Grouped(l.OtherAnswers), quantity.Counted(l.Answers, "answer")))
	}
	reasons = append(reasons, broken(w.Lengths.Bounds)...)
	if l.Full > 0 && l.Answers == 0 {
		reasons = append(reasons, "answers were to have a length, but the server reported no token counts: it must support stream_options.include_usage")
	}
	return reasons
}
