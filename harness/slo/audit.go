package slo

import "fmt"

// Audit lists why the run's measurement cannot be relied on. Every reason says
// what to do.
func (w *Window) Audit() (reasons []string) {
	if w.run.Stopped != "" {
		reasons = append(reasons, "the run ended early: "+w.run.Stopped)
	}
	if w.due == 0 {
		return append(reasons, nothingDue)
	}
	if w.answered == 0 {
		reasons = append(reasons, fmt.Sprintf("none of %s was answered: look at the failures", counted(w.due, "request")))
	}
	if warm := w.warm(); warm != "" {
		reasons = append(reasons, warm)
	}
	reasons = append(reasons, w.otherLengths()...)
	for _, c := range w.Checks() {
		if c.Reason != "" {
			reasons = append(reasons, c.Reason)
		}
	}
	return reasons
}

// coldMost is the prefix cache hit rate that a cold cache may have.
const coldMost = 0.01

// warm says why the cache was not as cold as the scenario says; "" where it was.
func (w *Window) warm() string {
	if !w.run.Scenario.ColdCache {
		return ""
	}
	switch hits := hitRate(w); {
	case hits.reason != "":
		return "nobody knows whether the prefix cache was cold: " + hits.reason
	case hits.value > coldMost:
		return fmt.Sprintf("the prefix cache was to be cold, but %s of prompt tokens were found in it: the server does not honour cache_salt, or others use it meanwhile", FormatQuantity(hits.value, Ratio))
	}
	return ""
}

// otherMost is the share of requests whose lengths may be others than were asked for.
const otherMost = 0.01

// otherLengths says that the load was not the one that was asked for: a server
// that answers in fewer tokens, or cuts prompts, is a faster one.
func (w *Window) otherLengths() (reasons []string) {
	l := w.lengths
	if float64(l.otherPrompts) > otherMost*float64(l.prompts) {
		reasons = append(reasons, fmt.Sprintf("the server counted another number of prompt tokens than was sent in %s of %s: the load was not the one that was asked for", grouped(l.otherPrompts), counted(l.prompts, "request")))
	}
	if float64(l.otherAnswers) > otherMost*float64(l.answers) {
		reasons = append(reasons, fmt.Sprintf("%s of %s did not have the length that was asked for: does the server honour ignore_eos?", grouped(l.otherAnswers), counted(l.answers, "answer")))
	}
	return reasons
}

// sharedMost is the share of chunks without a stamp of their own that gaps bear.
const sharedMost = 0.01

// blurred says why gaps between chunks cannot be relied on; "" where they can.
// Chunks that one read brought share its stamp. Where they lay in the kernel for
// longer than a gap, that was our doing, and not the server's or the network's.
func (w *Window) blurred() string {
	shared, delays := coalesced(w), w.Spread("read delay")
	if shared.reason != "" || shared.value <= sharedMost || delays.N() == 0 || w.chunkGaps.N() <= w.shared {
		return ""
	}
	// Of the gaps, the least ones are those of chunks that share a stamp: nothing.
	delay, gap := delays.Quantile(.99, 0), w.chunkGaps.Rank(w.shared+(w.chunkGaps.N()-w.shared+1)/2)
	if delay < gap {
		return ""
	}
	return fmt.Sprintf("the client was too slow to see tokens one by one: %s of them came in one read with the one before, after up to %s in the kernel (p99); give it a free core, or lower the rate%s",
		FormatQuantity(shared.value, Ratio), FormatQuantity(delay, Seconds), w.starved())
}
