package experiment

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/interfaces"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// dataset is what a run asks, with salts of its own, so that it finds nothing in the prefix cache that
// another run left there. Where the scenario says nothing of the cache, a run finds only what it
// asked itself.
func (p Plan) dataset(seed uint64, number int) harness.Dataset {
	s := p.Scenario
	switch {
	case s.Leftovers:
		return s.Dataset
	case s.Cache == nil:
		return dataset.Salted{Dataset: s.Dataset, Salt: p.salt(number)}
	}
	return &dataset.Cached{Dataset: s.Dataset, Share: s.Cache.Share, Seed: seed, Run: p.salt(number)}
}

// salt tells the salts of a run from those of the run before. A server in virtual
// time has had none, and must see the same every time. The number is that of one run of
// several; 0: it is the only one.
func (p Plan) salt(number int) string {
	switch {
	case p.Virtual && number > 0:
		return fmt.Sprintf("run %d", number)
	case p.Virtual:
		return "run"
	}
	return fmt.Sprintf("%x", time.Now().UnixNano())
}

// findSalting finds out whether the server keeps apart what is asked under other salts.
// Our own mock does; so does another one, as far as nothing speaks against it.
func (on *endpoint) findSalting(ctx context.Context) {
	if !on.Remote || on.of.scenario.Leftovers || !on.of.scenario.Interface.Answers.TakesSalts() {
		return
	}
	metrics, done := on.serverMetrics(ctx, nil)
	defer done()
	on.salting = on.client.Salting(ctx, on.client.Chats() || on.other != nil || on.asksChats(), func(ctx context.Context) (queries, hits float64, ok bool) {
		ctx, cancel := context.WithTimeout(ctx, max(readingMost, min(metrics.EndWithin(), 5*readingMost)))
		defer cancel()
		readings, err := metrics.ReadAtEnd(ctx)
		for _, r := range readings {
			switch r.Series {
			case vllm.PrefixCacheQueries:
				queries, ok = queries+r.Value, err == nil
			case vllm.PrefixCacheHits:
				hits += r.Value
			}
		}
		return queries, hits, ok
	}, interfaces.Replicas(on.other)...)
	on.of.warnOfSalting(on.salting)
}

// warnOfSalting says what is asked in place of salts.
func (e *Experiment) warnOfSalting(salting harness.Salting) {
	if salting == harness.SaltsTaken {
		return
	}
	how := map[harness.Salting]string{harness.SaltsRefused: "refuses", harness.SaltsIgnored: "ignores", harness.SaltsUnknown: "does not tell what it makes of"}[salting]
	warning := fmt.Sprintf("the server %s cache_salt: so that no run finds what another one asked, each text begins with a line of the run's own (some 8 tokens more), and the first 16 of a prompt of token ids are put into another order", how)
	e.warnings = append(e.warnings, warning)
	e.warnOfCache(warning)
}

// asksChats reports whether the first prompt is a chat.
func (on *endpoint) asksChats() bool {
	conversations, err := on.of.scenario.Dataset.Conversations(rand.New(rand.NewPCG(on.of.scenario.Seed, 0)))
	if err != nil {
		return false // the run will say so
	}
	for c := range conversations {
		return len(c.Turns) > 0 && c.Turns[0].Messages != nil
	}
	return false
}
