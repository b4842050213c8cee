package steps

import (
	"errors"
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
)

// cacheSentences say what is in the prefix cache.
func cacheSentences() []entry {
	return []entry{
		{Pattern: `^the prefix cache is cold$`, Do: coldCache,
			Doc: `Keeps conversations from finding each other's prompts in the prefix cache; the verdicts are unknown if the
				server's own hit rate says otherwise.`},
		{Pattern: `^the prefix cache is warm$`, Do: warmCache,
			Doc: `Sends a few conversations before the load, and then only those; the verdicts are unknown if the server does not
				find them in its prefix cache.`},
		{Pattern: `^(\S+%) of prompt tokens are found in the prefix cache$`, Do: foundInCache,
			Doc: `Sends a few conversations before the load, and then as many of them, among new ones, as give this share; the
				verdicts are unknown if the server's own hit rate is another one.`},
		{Pattern: `^what earlier runs left in the prefix cache is used$`, Do: usesLeftovers,
			Doc: `Lets a run find in the prefix cache what earlier runs left there. Without this sentence each run sends a
				cache_salt of its own and finds only its own prompts; where the server found more than they have in common,
				latencies and throughputs are unknown.`},
	}
}

func coldCache(s *harness.Scenario) error { return holds(s, 0) }

func warmCache(s *harness.Scenario) error { return holds(s, 1) }

func foundInCache(s *harness.Scenario, of string) error {
	found, err := amount.Share(of)
	if err == nil && (found <= 0 || found >= 1) {
		err = fmt.Errorf("a share of %s is written: the prefix cache is cold, or: the prefix cache is warm", of)
	}
	if err != nil {
		return err
	}
	return holds(s, found)
}

func usesLeftovers(s *harness.Scenario) error {
	if s.Cache != nil || s.Leftovers {
		return errTwoCaches
	}
	s.Leftovers = true
	return nil
}

var errTwoCaches = errors.New("the scenario says twice what is in the prefix cache; keep one")

// holds says how much of the prompts is in the prefix cache.
func holds(s *harness.Scenario, found float64) error {
	if s.Cache != nil || s.Leftovers {
		return errTwoCaches
	}
	s.Cache = &harness.Cache{Share: found}
	return nil
}

// singleQuestions refuses a contract about the cache where conversations have later turns, or nothing is asked that can be
// asked beforehand as a prompt.
func (w *world) singleQuestions() error {
	if c := w.scenario.Cache; c != nil && c.Share > 0 && (w.workload.pooled.task != "" || w.workload.clips.Task != "") {
		return errors.New("what is found in the prefix cache can be said of prompts that are answered, and not of texts or clips; leave it out")
	}
	if c := w.scenario.Cache; c != nil && c.Share > 0 && len(w.workload.media) > 0 {
		return errors.New("what is found in the prefix cache is counted in tokens of text, and how many an image, a video or a clip becomes is the model's affair; leave one of them out, or write: the prefix cache is cold")
	}
	if w.scenario.Cache != nil && !w.scenario.Leftovers && w.workload.hasTurns() {
		return errors.New("later turns of a conversation find their own history in the prefix cache; what is in it can be said of single questions only")
	}
	return nil
}
