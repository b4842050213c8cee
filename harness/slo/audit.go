package slo

import (
	"fmt"
	"math"

	"github.com/vllmspec/vllmspec/harness/quantity"
)

// Audit lists what was found that rows of the run cannot be relied on for. Each says
// what to do.
func (w *Window) Audit() (found []Finding) {
	whole := func(text string) { found = append(found, Finding{WholeRun, text}) }
	if w.Run.Stopped.Early() {
		whole(endedEarly + w.Run.Stopped.String())
	}
	if w.seen < w.Run.Requests {
		whole(fmt.Sprintf("only %s of %s could be read back: requests.parquet is broken", quantity.Grouped(w.seen), quantity.Counted(w.Run.Requests, "request")))
	}
	if w.Due == 0 {
		whole(nothingDue)
		return found
	}
	found = append(found, w.delivered()...)
	if cache := w.cache(); cache != "" {
		found = append(found, Finding{CachedWork, cache})
	}
	found = append(found, w.notItsOwn()...)
	found = append(found, w.leftovers()...)
	for _, reason := range w.otherLengths() {
		whole(reason)
	}
	found = append(found, w.buffered()...)
	for _, c := range w.Checks() {
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
func (w *Window) cache() string {
	contract := w.Run.Scenario.Cache
	if contract == nil {
		return ""
	}
	hits := hitRate(w)
	if hits.reason != "" {
		return "what was in the prefix cache is unknown: " + hits.reason
	}
	if w.lengths.tokens == 0 && contract.Share == 1 {
		return "what could have been found in the prefix cache is unknown: the server reported no token counts"
	}
	was := quantity.Format(hits.value, quantity.Ratio)
	switch findable := w.lengths.findable(); {
	case contract.Share == 0 && hits.value > w.coldLimit():
		return fmt.Sprintf("the prefix cache was to be cold, but %s of prompt tokens were found in it: the server does not honour cache_salt, or others use it meanwhile", was)
	case contract.Share == 1 && hits.value < warmLeast*findable:
		return fmt.Sprintf("the prefix cache was to be warm, but %s of prompt tokens were found in it, and %s could have been: it is off or too small, or others use it meanwhile", was, quantity.Format(findable, quantity.Ratio))
	case contract.Share > 0 && contract.Share < 1 && math.Abs(hits.value-contract.Share) > hitOff:
		return fmt.Sprintf("%s of prompt tokens were to be found in the prefix cache, but it was %s: it is off or too small, or others use it meanwhile", quantity.Format(contract.Share, quantity.Ratio), was)
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
		reasons = append(reasons, fmt.Sprintf("the server counted another number of prompt tokens than was sent in %s of %s: the load was not the one that was asked for", quantity.Grouped(l.otherPrompts), quantity.Counted(l.prompts, "request")))
	}
	if float64(l.otherAnswers) > otherMost*float64(l.answers) {
		reasons = append(reasons, fmt.Sprintf("%s of %s did not have the length that was asked for: does the server honour ignore_eos?", quantity.Grouped(l.otherAnswers), quantity.Counted(l.answers, "answer")))
	}
	reasons = append(reasons, w.lengths.broken()...)
	if l.full > 0 && l.answers == 0 {
		reasons = append(reasons, "answers were to have a length, but the server reported no token counts: it must support stream_options.include_usage")
	}
	return reasons
}

// sharedMost is the share of chunks without a stamp of their own that figures bear,
// and sharedOfTail the share of those values beyond a quantile that decide it: of a
// p99 it tolerates a tenth of a hundredth.
const (
	sharedMost   = 0.01
	sharedOfTail = 0.1
)

// tolerance is the share of chunks without a stamp of their own that a statistic tolerates,
// and how far from the usual ones those chunks are that decide it.
func tolerance(statistic string) (share, level float64) {
	tail := 1.0
	if p, ok := quantileOf(statistic); ok {
		tail = min(p, 1-p)
	} else if statistic == "max" || statistic == "min" {
		tail = 0
	}
	return min(sharedMost, sharedOfTail*tail), max(.99, 1-tail)
}

// A stampError is how far off stamps may be, because the client was too slow to see
// what came when it came, and why.
type stampError struct {
	by  float64 // s
	why string
}

// blurred is that of gaps between chunks. A request's longest gap is off as soon as one
// of its chunks is.
func (w *Window) blurred(m Metric, statistic string) stampError {
	together := coalesced(w).value
	share := together
	if m.Gaps == nil {
		share = float64(w.shared) / float64(max(1, w.begun))
	}
	return w.unseen(share, statistic, fmt.Sprintf("tokens one by one: %s of them came in one read with the one before", quantity.Format(together, quantity.Ratio)))
}

// blurredFirst is that of first chunks: one that was read together with the next has
// a stamp that is too late, and the server would be blamed for it.
func (w *Window) blurredFirst(m Metric, statistic string) stampError {
	share := float64(w.firstShared) / float64(max(1, w.begun))
	b := w.unseen(share, statistic, fmt.Sprintf("first tokens when they came: %s of them came in one read with the second", quantity.Format(share, quantity.Ratio)))
	if m.Name == "TPOT" { // of a mean over the gaps of an answer the first is one
		b.by /= max(1, w.Spread("output tokens").Quantile(shortAnswer, 0)-1)
	}
	return b
}

// shortAnswer is the quantile of answers' lengths that stands for a short one.
const shortAnswer = 0.05

// unseen is there where more of what the client should have seen than a statistic
// tolerates has a stamp of something later. Chunks that one read brought share its stamp;
// where they lay in the kernel for longer than a gap, that was our doing, and not the
// server's or the network's.
func (w *Window) unseen(share float64, statistic, what string) (b stampError) {
	delays := w.Spread("read delay")
	most, level := tolerance(statistic)
	if !(share > most) || delays.N() == 0 || w.chunkGaps.N() <= w.shared {
		return b
	}
	delay := delays.Quantile(level, 0)
	if delay < w.usualGap() {
		return b
	}
	return stampError{delay, fmt.Sprintf("the client was too slow to see %s, after up to %s in the kernel (p%g), and that decides; give it a free core, or lower the rate%s",
		what, quantity.Format(delay, quantity.Seconds), 100*level, w.Starved())}
}
