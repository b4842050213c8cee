package measure

import "github.com/vllmspec/vllmspec/harness"

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
	hits := HitRate(w)
	return hits.Value, hits.Reason == "" && hits.N > 0
}
