package steps

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
)

// settingsSentences say how long each of several runs lasts.
func settingsSentences() []entry {
	return []entry{
		{Pattern: `^each run lasts (.+)$`, Do: (*design).eachLasts,
			Doc: `Sets the length of each run of a sweep, and of the first run of each probe of a search: a time, or a number of
				requests. Without it, a run has as many requests as the objectives need. Where no warm-up is set, the first
				sixth of a time at a rate is one.`},
	}
}

func (d *design) eachLasts(extent string) (err error) {
	if d.perRun != (experiment.Extent{}) {
		return errors.New("how long each run lasts is said twice; keep one")
	}
	d.perRun, err = extentOf(extent)
	return err
}

// at is the load at a rate, or with a number of users, that a sweep or a search says.
func (l loadSpec) at(scale trials.Scale, setting float64, length time.Duration, requests int) (harness.Load, error) {
	_, replayed := l.arrivals.(arrival.Listed)
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
	case l.arrivals.Rate() > 0 && !replayed:
		return nil, errors.New("the rate is said twice; leave it out: And requests arrive as a Poisson process")
	}
	l.arrivals = l.arrivals.At(setting)
	return l.build(length, requests)
}

// extentOf reads "2 minutes" or "1,000 requests".
func extentOf(extent string) (of experiment.Extent, err error) {
	if number, ok := strings.CutSuffix(extent, " requests"); ok {
		of.Requests, err = amount.Count(number, "requests", 1)
	} else if of.Length, err = amount.Duration(extent); err == nil && of.Length <= 0 {
		err = fmt.Errorf("a load of %s measures nothing", extent)
	}
	return of, err
}

// prepare reads what several runs at different settings have in common. The load is
// that of one setting.
func (w *world) prepare(kind trials.Kind, first float64) (err error) {
	if err := w.notYet(); err != nil {
		return err
	}
	if w.scenario.Load, err = w.load.at(w.design.scale, first, time.Minute, 0); err != nil {
		return err
	}
	if err := w.settleArms(); err != nil {
		return err
	}
	if err := w.complete(); err != nil {
		return err
	}
	if len(w.comparisons) > 0 || w.arms.compares {
		return fmt.Errorf("a %s is compared with nothing; write another scenario, of one load", kind)
	}
	return nil
}
