package experiment

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// An attempt is one run of a group that is about to be made.
type attempt struct {
	on         *endpoint
	number     int // among the runs of its server, from 1: runs of one number have the same seed
	load       harness.Load
	warmup     time.Duration
	setting    float64             // 0: there is one load only
	alone      []harness.Objective // that the run is judged by, by itself
	stopLimits []harness.Objective // a run that misses one of these is ended early, and that is no error
}

// loadAt is a load of another rate, or of another number of users.
func loadAt(load harness.Load, scale trials.Scale, setting float64, lasts Extent) (harness.Load, error) {
	switch load := load.(type) {
	case harness.Closed:
		if scale == trials.Users {
			load.Users, load.For, load.Requests = int(setting), lasts.Length, lasts.Requests
			return load, nil
		}
	case harness.Open:
		if process, ok := load.Arrivals.(arrival.Process); ok && scale == trials.Rate {
			load.Arrivals, load.For, load.Requests = process.At(setting), lasts.Length, lasts.Requests
			return load, nil
		}
	}
	return nil, fmt.Errorf("%v cannot be run at %s", load, scale.Quantity(setting))
}

// attempt is the next run at a setting, after a number of runs: as long as the plan says, or as
// its objectives need.
func (p Plan) attempt(scale trials.Scale, each Extent, setting float64, runs int) (a attempt, err error) {
	a = attempt{setting: setting, warmup: p.Scenario.Warmup}
	switch {
	case each.Length > 0:
		if !p.FixedWarmup && scale == trials.Rate { // while the server fills, its backlog grows whatever the rate is
			a.warmup = each.Length / trials.Warming
		}
		a.load, err = loadAt(p.Scenario.Load, scale, setting, Extent{Length: each.Length})
		return a, err
	case each.Requests == 0:
		each.Requests = trials.Enough(p.Scenario.Objectives, runs)
	}
	if scale == trials.Users {
		const leastTurns = 20 // of each user: the first and the last of them are like no others
		a.load, err = loadAt(p.Scenario.Load, scale, setting, Extent{Requests: max(each.Requests, leastTurns*int(setting))})
		return a, err
	}
	measured := time.Duration(float64(each.Requests) / setting * float64(time.Second))
	if !p.FixedWarmup {
		a.warmup = measured / trials.Warming
	}
	a.load, err = loadAt(p.Scenario.Load, scale, setting, Extent{Length: (a.warmup + measured).Round(time.Millisecond)})
	return a, err
}
