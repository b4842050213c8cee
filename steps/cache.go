package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
)

func (w *world) registerCache(sc sentences) {
	sc.Step(`^the prefix cache is cold$`, w.coldCache)
	sc.Step(`^the prefix cache is warm$`, w.warmCache)
	sc.Step(`^(\S+%) of prompt tokens are found in the prefix cache$`, w.foundInCache)
}

// coldCache lets no conversation find anything in the prefix cache that another
// left there, and makes the run's answers unknown if the server's own hit rate
// says otherwise.
func (w *world) coldCache() error { return w.cache(0) }

// warmCache asks a few conversations before the load, and then no others; the
// run's answers are unknown if the server does not find them in its prefix cache.
func (w *world) warmCache() error { return w.cache(1) }

// foundInCache asks a few conversations before the load, and then as many of them,
// among others that nobody has asked, as give the share; the run's answers are
// unknown if the server's own hit rate is another one.
func (w *world) foundInCache(of string) error {
	found, err := share(of)
	if err == nil && (found <= 0 || found >= 1) {
		err = fmt.Errorf("a share of %s is written: the prefix cache is cold, or: the prefix cache is warm", of)
	}
	if err != nil {
		return err
	}
	return w.cache(found)
}

func (w *world) cache(found float64) error {
	if w.scenario.Cache != nil {
		return errors.New("the scenario says twice what is in the prefix cache; keep one")
	}
	w.scenario.Cache = &harness.Cache{Share: found}
	return nil
}

// cached is the dataset as the contract about the cache wants it.
func (w *world) cached(d harness.Dataset) (harness.Dataset, error) {
	if w.scenario.Cache == nil {
		return d, nil
	}
	if w.workload.turns > 1 || w.workload.severalTurns {
		return nil, errors.New("later turns of a conversation find their own history in the prefix cache; what is in it can be said of single questions only")
	}
	w.workload.cached = &dataset.Cached{Dataset: d, Share: w.scenario.Cache.Share, Seed: w.scenario.Seed, Run: w.saltOf()}
	return w.workload.cached, nil
}

// rehearse asks beforehand what is to be found in the cache.
func (w *world) rehearse(ctx context.Context) error {
	if w.workload.cached == nil {
		return nil
	}
	prompts, err := w.workload.cached.Before()
	if err != nil {
		return err
	}
	for _, replica := range w.served.client.Replicas { // each has a cache of its own
		if err := harness.Rehearse(ctx, replica, prompts); err != nil {
			return err
		}
	}
	return nil
}

// saltOf tells this run's salts from those of a run before. A server in virtual
// time has had none, and must see the same every time.
func (w *world) saltOf() string {
	if w.suite.inBubble && w.about != nil {
		return fmt.Sprintf("run %d", w.about.Number)
	}
	if w.suite.inBubble {
		return "run"
	}
	return fmt.Sprintf("%x", time.Now().UnixNano())
}
