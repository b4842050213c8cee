package slo

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// coldLimit is the share that may be found in a cold cache. Where the server takes no salts
// prompts differ in their beginnings, but not in what a chat template puts before them.
func (w audit) coldLimit() float64 {
	if most, known := w.Shareable(); known && w.Run.Salting != harness.SaltsTaken {
		return most + coldMost
	}
	return coldMost
}

// leftovers finds that the server found more of the prompts in its prefix cache than they
// have in common with each other: then an earlier run decides how fast this one was.
func (w audit) leftovers() (found []Finding) {
	if w.Run.Scenario.Cache != nil || w.Run.Scenario.Leftovers {
		return nil
	}
	most, known := w.Shareable()
	was, counted := w.Found()
	if !known || !counted || was <= most+measure.HitsElsewhere {
		return nil
	}
	why := "an earlier run asked the same and the server does not honour cache_salt, or others use it meanwhile"
	if w.Run.Salting != harness.SaltsTaken {
		why = "an earlier run began its prompts in the same way, or others use the server meanwhile"
	}
	return []Finding{{CachedWork, fmt.Sprintf("%s of prompt tokens were found in the server's prefix cache, and this run's own prompts explain %s at most: %s; start the server anew and keep others off it, or, where that is as it should be, add: And what earlier runs left in the prefix cache is used",
		quantity.Format(was, quantity.Ratio), quantity.Format(most, quantity.Ratio), why)}}
}
