package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/trials"
)

func (w *world) registerSettings(sc sentences) {
	sc.Step(`^each run lasts (.+)$`, w.eachLasts)
}

// eachLasts is how long each run of a sweep, or the first one of a probe of a search,
// lasts: a time, or a number of requests. Without it, it lasts for as many requests
// as the objectives need. Where nothing is said of a warm-up, the first sixth of a time
// at a rate is one.
func (w *world) eachLasts(extent string) error {
	if w.each != "" {
		return errors.New("how long each run lasts is said twice; keep one")
	}
	w.each = extent
	_, _, err := extentOf(extent)
	return err
}

// at is the load at a rate, or with a number of users, that a sweep or a search says.
func (l loadWords) at(scale trials.Scale, setting float64, length time.Duration, requests int) (harness.Load, error) {
	switch {
	case scale == trials.Users && l.users > 0:
		return nil, errors.New("the number of users is said twice; leave it out: And users ask with a think time of 2 seconds")
	case scale == trials.Users && !l.anyUsers:
		return nil, errors.New("the scenario does not say how users ask; add: And users ask with a think time of 2 seconds")
	case scale == trials.Users:
		l.users = int(setting)
		return l.build(length, requests)
	case l.changes() || l.atOnce || l.users > 0 || l.anyUsers:
		return nil, errors.New("this load has no rate that could be another; write: And requests arrive as a Poisson process")
	case l.arrivals == nil:
		return nil, errors.New("the scenario does not say how requests arrive; add: And requests arrive as a Poisson process")
	case l.arrivals.Rate() > 0 && l.trace == nil:
		return nil, errors.New("the rate is said twice; leave it out: And requests arrive as a Poisson process")
	}
	l.arrivals = l.arrivals.At(setting)
	return l.build(length, requests)
}

// attemptAt is a run at a setting that measures so many requests.
func (w *world) attemptAt(setting float64, requests int) (a attempt, err error) {
	const leastTurns = 20 // of each user: the first and the last of them are like no others
	a = attempt{setting: setting, warmup: w.whole.scenario.Warmup}
	if w.scale == trials.Users {
		requests = max(requests, leastTurns*int(setting))
		a.load, err = w.load.at(w.scale, setting, 0, requests)
		return a, err
	}
	measured := time.Duration(float64(requests) / setting * float64(time.Second))
	if !w.warmUpSaid {
		a.warmup = measured / trials.Warming
	}
	a.load, err = w.load.at(w.scale, setting, (a.warmup + measured).Round(time.Millisecond), 0)
	return a, err
}

// attempt is one run of a setting that has had so many, as long as the scenario says or
// its objectives need.
func (w *world) attempt(setting float64, objectives []harness.Objective, runs int) (attempt, error) {
	length, requests, err := extentOf(w.each)
	switch {
	case err != nil:
		return attempt{}, err
	case length > 0:
		a := attempt{setting: setting, warmup: w.whole.scenario.Warmup}
		if !w.warmUpSaid && w.scale == trials.Rate { // while the server fills, its backlog grows whatever the rate is
			a.warmup = length / trials.Warming
		}
		a.load, err = w.load.at(w.scale, setting, length, 0)
		return a, err
	case requests == 0:
		requests = trials.Enough(objectives, runs)
	}
	return w.attemptAt(setting, requests)
}

// extentOf reads "2 minutes" or "1,000 requests"; neither for "".
func extentOf(extent string) (length time.Duration, requests int, err error) {
	if extent == "" {
		return 0, 0, nil
	}
	if amount, ok := strings.CutSuffix(extent, " requests"); ok {
		requests, err = count(amount, "requests", 1)
	} else if length, err = duration(extent); err == nil && length <= 0 {
		err = fmt.Errorf("a load of %s measures nothing", extent)
	}
	return length, requests, err
}

// prepare reads what several runs at different settings have in common, and makes
// their folder.
func (w *world) prepare(kind trials.Kind, planned int, first float64) error {
	if err := w.notYet(); err != nil {
		return err
	}
	if _, err := w.load.at(w.scale, first, time.Minute, 0); err != nil {
		return err
	}
	if err := w.settleSides(); err != nil {
		return err
	}
	var err error
	if w.scenario.Dataset, err = w.dataset(); err != nil {
		return err
	}
	w.scenario.Labels = w.labels(w.target)
	w.scenario.Labels["load"] = string(kind) + " over " + string(w.scale)
	if err := w.lookAhead(); err != nil {
		return err
	}
	if len(w.comparisons) > 0 || w.sides.compares {
		return fmt.Errorf("a %s is compared with nothing; write another scenario, of one load", kind)
	}
	return w.begin(kind, w.scale, planned)
}

// tryAt makes one run at a setting. One that was ended early because it was hopeless
// is no error.
func (w *world) tryAt(ctx context.Context, a attempt) (*slo.Window, error) {
	window, err := w.try(ctx, a)
	if window != nil && err != nil && strings.HasPrefix(w.run.Stopped, harness.Abandoned) {
		err = nil
	}
	if err == nil && ctx.Err() != nil {
		err = errors.New("it was interrupted")
	}
	if err != nil {
		err = fmt.Errorf("at %s: %w", w.whole.Scale.Quantity(a.setting), err)
	}
	return window, err
}
