package steps

import (
	"errors"
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
)

// loadWords is the load as the scenario says it.
type loadWords struct {
	arrivals harness.Arrivals
	users    int
	think    time.Duration
	inFlight int
}

func (w *world) registerLoad(sc sentences) {
	sc.Step(`^requests arrive as a Poisson process at (.+) per second$`, w.poisson)
	sc.Step(`^requests arrive evenly at (.+) per second$`, w.evenly)
	sc.Step(`^(\S+) users ask with a think time of (.+)$`, w.usersAsk)
	sc.Step(`^at most (\S+) requests are in flight$`, w.atMostInFlight)
}

// poisson is an open loop of independent people.
func (w *world) poisson(perSecond string) error {
	r, err := rate(perSecond)
	if err != nil {
		return err
	}
	return w.arrive(arrival.Poisson{PerSecond: r})
}

// evenly is an open loop at equal distances.
func (w *world) evenly(perSecond string) error {
	r, err := rate(perSecond)
	if err != nil {
		return err
	}
	return w.arrive(arrival.Even{PerSecond: r})
}

func (w *world) arrive(arrivals harness.Arrivals) error {
	if w.load.arrivals != nil || w.load.users > 0 {
		return errTwoLoads
	}
	w.load.arrivals = arrivals
	return nil
}

var errTwoLoads = errors.New("the scenario describes two loads; keep one, and write another scenario for the other")

// usersAsk is a closed loop: each user asks, reads, thinks and asks again.
func (w *world) usersAsk(users, think string) (err error) {
	if w.load.arrivals != nil || w.load.users > 0 {
		return errTwoLoads
	}
	if w.load.users, err = count(users, "users", 1); err != nil {
		return err
	}
	w.load.think, err = duration(think)
	if err != nil {
		return fmt.Errorf("think time: %w", err)
	}
	return nil
}

// atMostInFlight bounds an open loop; what waits counts from its due time.
func (w *world) atMostInFlight(bound string) (err error) {
	w.load.inFlight, err = count(bound, "requests in flight", 1)
	return err
}

// build is the load as the harness knows it.
func (l loadWords) build(length time.Duration, requests int) (harness.Load, error) {
	switch {
	case l.users > 0 && l.inFlight > 0:
		return nil, errors.New("a bound of requests in flight belongs to an open loop; the users of a closed loop are its bound")
	case l.users > 0:
		return harness.Closed{Users: l.users, Think: l.think, For: length, Requests: requests}, nil
	case l.arrivals == nil:
		return nil, errors.New("the scenario does not say when requests are due; add: And requests arrive as a Poisson process at 8 per second")
	}
	return harness.Open{Arrivals: l.arrivals, For: length, Requests: requests, InFlight: l.inFlight}, nil
}
