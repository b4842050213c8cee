package slo

import (
	"fmt"
	"math"
)

// Audit lists why the run's measurement cannot be relied on. Every reason says
// what to do.
func (w *Window) Audit() (reasons []string) {
	if w.run.Stopped != "" {
		reasons = append(reasons, "the run ended early: "+w.run.Stopped)
	}
	if w.seen < w.run.Requests {
		reasons = append(reasons, fmt.Sprintf("only %s of %s could be read back: requests.parquet is broken", grouped(w.seen), counted(w.run.Requests, "request")))
	}
	if w.due == 0 {
		return append(reasons, nothingDue)
	}
	if w.answered == 0 {
		reasons = append(reasons, fmt.Sprintf("none of %s was answered: look at the failures", counted(w.due, "request")))
	}
	if cache := w.cache(); cache != "" {
		reasons = append(reasons, cache)
	}
	reasons = append(reasons, w.otherLengths()...)
	for _, c := range w.Checks() {
		if c.Reason != "" {
			reasons = append(reasons, c.Reason)
		}
	}
	return reasons
}

// What a contract about the prefix cache bears.
const (
	coldMost  = 0.01 // hit rate of a cold cache
	warmLeast = 0.90 // of what can be found, in a warm one
	hitOff    = 0.05 // hit rate, from the one that was asked for
)

// cache says why the prefix cache was not as the scenario says; "" where it was.
func (w *Window) cache() string {
	contract := w.run.Scenario.Cache
	if contract == nil {
		return ""
	}
	hits := hitRate(w)
	if hits.reason != "" {
		return "nobody knows what was in the prefix cache: " + hits.reason
	}
	if w.lengths.tokens == 0 && contract.Share == 1 {
		return "nobody knows what could have been found in the prefix cache: the server told no token counts"
	}
	was := FormatQuantity(hits.value, Ratio)
	switch findable := w.lengths.findable(); {
	case contract.Share == 0 && hits.value > coldMost:
		return fmt.Sprintf("the prefix cache was to be cold, but %s of prompt tokens were found in it: the server does not honour cache_salt, or others use it meanwhile", was)
	case contract.Share == 1 && hits.value < warmLeast*findable:
		return fmt.Sprintf("the prefix cache was to be warm, but %s of prompt tokens were found in it, and %s could have been: it is off or too small, or others use it meanwhile", was, FormatQuantity(findable, Ratio))
	case contract.Share > 0 && contract.Share < 1 && math.Abs(hits.value-contract.Share) > hitOff:
		return fmt.Sprintf("%s of prompt tokens were to be found in the prefix cache, but it was %s: it is off or too small, or others use it meanwhile", FormatQuantity(contract.Share, Ratio), was)
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
	if l.full > 0 && l.answers == 0 {
		reasons = append(reasons, "answers were to have a length, but the server told no token counts: it must support stream_options.include_usage")
	}
	return reasons
}

// sharedMost is the share of chunks without a stamp of their own that figures bear,
// and sharedOfTail the share of those values beyond a quantile that decide it: of a
// p99 it bears a tenth of a hundredth.
const (
	sharedMost   = 0.01
	sharedOfTail = 0.1
)

// bears is the share of chunks without a stamp of their own that a statistic bears,
// and how far from the usual ones those chunks are that decide it.
func bears(statistic string) (share, level float64) {
	tail := 1.0
	if p, ok := quantileOf(statistic); ok {
		tail = min(p, 1-p)
	} else if statistic == "max" || statistic == "min" {
		tail = 0
	}
	return min(sharedMost, sharedOfTail*tail), max(.99, 1-tail)
}

// A blur is how far off stamps may be, because the client was too slow to see what
// came when it came, and why.
type blur struct {
	by  float64 // s
	why string
}

// blurred is that of gaps between chunks. A request's longest gap is off as soon as one
// of its chunks is.
func (w *Window) blurred(m Metric, statistic string) blur {
	together := coalesced(w).value
	share := together
	if m.gaps == nil {
		share = float64(w.shared) / float64(max(1, w.begun))
	}
	return w.unseen(share, statistic, fmt.Sprintf("tokens one by one: %s of them came in one read with the one before", FormatQuantity(together, Ratio)))
}

// blurredFirst is that of first chunks: one that was read together with the next has
// a stamp that is too late, and the server would be blamed for it.
func (w *Window) blurredFirst(m Metric, statistic string) blur {
	share := float64(w.firstShared) / float64(max(1, w.begun))
	b := w.unseen(share, statistic, fmt.Sprintf("first tokens when they came: %s of them came in one read with the second", FormatQuantity(share, Ratio)))
	if m.Name == "TPOT" { // of a mean over the gaps of an answer the first is one
		b.by /= max(1, w.Spread("output tokens").Quantile(shortAnswer, 0)-1)
	}
	return b
}

// shortAnswer is the quantile of answers' lengths that stands for a short one.
const shortAnswer = 0.05

// unseen is there where more of what the client should have seen than a statistic
// bears has a stamp of something later. Chunks that one read brought share its stamp;
// where they lay in the kernel for longer than a gap, that was our doing, and not the
// server's or the network's.
func (w *Window) unseen(share float64, statistic, what string) (b blur) {
	delays := w.Spread("read delay")
	most, level := bears(statistic)
	if !(share > most) || delays.N() == 0 || w.chunkGaps.N() <= w.shared {
		return b
	}
	// Of the gaps, the least ones are those of chunks that share a stamp: nothing.
	delay, gap := delays.Quantile(level, 0), w.chunkGaps.Rank(w.shared+(w.chunkGaps.N()-w.shared+1)/2)
	if delay < gap {
		return b
	}
	return blur{delay, fmt.Sprintf("the client was too slow to see %s, after up to %s in the kernel (p%g), and that decides; give it a free core, or lower the rate%s",
		what, FormatQuantity(delay, Seconds), 100*level, w.starved())}
}
