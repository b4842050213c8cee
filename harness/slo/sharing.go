package slo

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// shared is how much of the prompts of a run can have been in the server's prefix cache
// because the run itself had asked it before, and how much the server found there.
type shared struct {
	tokens, shareable int // of prompts of which both are known
	known, asked      int // requests of which that is known, and all that were answered
	of, found         int // prompt tokens of requests whose cached tokens the server counted, and these
	counted           int // requests of which it counted them
}

func (s *shared) take(r *harness.Record) {
	if !r.OK() || r.PromptTokens <= 0 {
		return
	}
	s.asked++
	if r.ShareableTokens != harness.Unreported {
		s.known++
		s.tokens += r.PromptTokens
		s.shareable += r.ShareableTokens
	}
	if r.CachedTokens != harness.Unreported {
		s.counted++
		s.of += r.PromptTokens
		s.found += r.CachedTokens
	}
}

// knownLeast is the share of requests of which it must be known.
const knownLeast = 0.9

// HitsElsewhere is the share of prompt tokens that a server may find beyond what the
// prompts of a run have in common: requests at both ends of the window, and what is rounded.
const HitsElsewhere = 0.05

// share is the share of prompt tokens that the run itself explains, at most.
func (s *shared) share() (float64, bool) {
	if s.asked == 0 || float64(s.known) < knownLeast*float64(s.asked) {
		return 0, false
	}
	return float64(s.shareable) / float64(s.tokens), true
}

// Shareable is the share of prompt tokens that can have been found in the server's prefix
// cache because the run itself asked them before, at most; false where that is not known.
func (w *Window) Shareable() (share float64, known bool) {
	inside, known := w.judgedPrompts.share()
	all, _ := w.allPrompts.share() // the server counts by when it computes, not by when requests were due
	return max(inside, all), known
}

// Found is the share of prompt tokens that the server found in its prefix cache: of the
// run's own requests, where it counts them for each, else of all that it was asked.
func (w *Window) Found() (share float64, known bool) {
	if of := w.judgedPrompts; of.of > 0 && float64(of.counted) >= knownLeast*float64(of.asked) {
		return float64(of.found) / float64(of.of), true
	}
	hits := hitRate(w)
	return hits.value, hits.reason == "" && hits.n > 0
}

// coldLimit is the share that may be found in a cold cache. Where the server takes no salts
// prompts differ in their beginnings, but not in what a chat template puts before them.
func (w *Window) coldLimit() float64 {
	if most, known := w.Shareable(); known && w.Run.Salting != harness.SaltsTaken {
		return most + coldMost
	}
	return coldMost
}

// leftovers finds that the server found more of the prompts in its prefix cache than they
// have in common with each other: then an earlier run decides how fast this one was.
func (w *Window) leftovers() (found []Finding) {
	if w.Run.Scenario.Cache != nil || w.Run.Scenario.Leftovers {
		return nil
	}
	most, known := w.Shareable()
	was, counted := w.Found()
	if !known || !counted || was <= most+HitsElsewhere {
		return nil
	}
	why := "an earlier run asked the same and the server does not honour cache_salt, or others use it meanwhile"
	if w.Run.Salting != harness.SaltsTaken {
		why = "an earlier run began its prompts in the same way, or others use the server meanwhile"
	}
	return []Finding{{CachedWork, fmt.Sprintf("%s of prompt tokens were found in the server's prefix cache, and this run's own prompts explain %s at most: %s; start the server anew and keep others off it, or, where that is as it should be, add: And what earlier runs left in the prefix cache is used",
		quantity.Format(was, quantity.Ratio), quantity.Format(most, quantity.Ratio), why)}}
}
