package steps

import (
	"errors"
	"time"

	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
)

// repeatsSentences say how often a load is run.
func repeatsSentences() []entry {
	return []entry{
		{Pattern: `^everything is repeated (\S+) times$`, Do: (*design).isRepeated,
			Doc: `Runs the load this often, each time with another seed and on an idle server, and judges all runs together: how
				much they differ is in the intervals.`},
	}
}

// design is how often and at which settings the load runs, as the scenario says it.
type design struct {
	repeats     int               // 0: not said
	scale       trials.Scale      // of a sweep or a search; "": there is one load
	settings    []float64         // of a sweep
	searchRange []float64         // from and to, of a search
	perRun      experiment.Extent // of each run of a sweep or a search
	budget      time.Duration     // of all loads of a search; 0: not said
}

func (d *design) isRepeated(times string) (err error) {
	if d.repeats > 0 {
		return errors.New("how often everything is repeated is said twice; keep one")
	}
	d.repeats, err = amount.Count(times, "repeats", 2)
	return err
}
