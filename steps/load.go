package steps

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/dataset"
)

// loadWords is the load as the scenario says it.
type loadWords struct {
	arrivals arrival.Process // its rate is 0 where others say it
	stages   []arrival.Stage
	swing    *arrival.Swinging
	atOnce   bool
	trace    *dataset.Trace // that the arrivals are from
	users    int
	anyUsers bool // a sweep or a search says how many
	think    harness.Think
	inFlight int
	between  harness.Think // turns of a conversation
	heldUp   holdUp
}

func (w *world) registerLoad(sc sentences) {
	sc.Step(`^(\S+) users ask with a think time of (.+)$`, w.usersAsk)
	sc.Step(`^users ask with (a|an exponential) think time of (.+)$`, w.someUsersAsk)
	sc.Step(`^(\S+) users ask with an exponential think time of (.+)$`, w.usersAskExponentially)
	sc.Step(`^(\S+) users ask with a log-normal think time of (.+) ± (.+)$`, w.usersAskLogNormally)
	sc.Step(`^(\S+%) of requests are given up after (.+)$`, w.givenUpAfter)
	sc.Step(`^at most (\S+) requests are in flight$`, w.atMostInFlight)
}

// usersAsk is a closed loop: each user asks, reads, thinks and asks again.
func (w *world) usersAsk(users, think string) error { return w.ask(users, think, harness.Think{}) }

// usersAskExponentially is a closed loop whose think times have no memory.
func (w *world) usersAskExponentially(users, think string) error {
	return w.ask(users, think, harness.Think{Shape: harness.Exponential})
}

// usersAskLogNormally is a closed loop whose think times are mostly short and
// sometimes long, as people's are: mean ± deviation.
func (w *world) usersAskLogNormally(users, think, deviation string) error {
	if _, unit, ok := strings.Cut(strings.TrimSpace(deviation), " "); ok && !strings.Contains(strings.TrimSpace(think), " ") {
		think += " " + unit // 2 ± 1 seconds
	}
	d, err := duration(deviation)
	if err != nil {
		return fmt.Errorf("think time: %w", err)
	}
	return w.ask(users, think, harness.Think{Shape: harness.LogNormal, Deviation: d})
}

// someUsersAsk is a closed loop of as many users as a sweep or a search says.
func (w *world) someUsersAsk(kind, think string) error {
	how := harness.Think{}
	if kind == "an exponential" {
		how.Shape = harness.Exponential
	}
	err := w.ask("1", think, how) // how many is not known yet
	w.load.users, w.load.anyUsers = 0, true
	return err
}

func (w *world) ask(users, think string, how harness.Think) (err error) {
	if w.load.described() {
		return errTwoLoads
	}
	if w.load.users, err = count(users, "users", 1); err != nil {
		return err
	}
	how.Mean, err = duration(think)
	if err != nil {
		return fmt.Errorf("think time: %w", err)
	}
	w.load.think = how
	return nil
}

// givenUpAfter lets users leave who have waited so long for the end of their
// answer. That is no error of the server's; who leaves before the first token
// counts as one who never got it.
func (w *world) givenUpAfter(of, after string) (err error) {
	if w.scenario.Impatience.Share, err = share(of); err != nil {
		return err
	}
	w.scenario.Impatience.After, err = duration(after)
	return err
}

// atMostInFlight bounds an open loop; what waits counts from its due time.
func (w *world) atMostInFlight(bound string) (err error) {
	w.load.inFlight, err = count(bound, "requests in flight", 1)
	return err
}

// build is the load as the harness knows it.
func (l loadWords) build(length time.Duration, requests int) (harness.Load, error) {
	switch {
	case l.anyUsers && l.users == 0:
		return nil, errors.New("nothing says how many users ask; write: And 32 users ask with a think time of 2 seconds")
	case l.users > 0 && l.inFlight > 0:
		return nil, errors.New("a bound of requests in flight belongs to an open loop; the users of a closed loop are its bound")
	case l.users > 0 && l.between.Mean > 0:
		return nil, errors.New("the users of a closed loop have one think time; leave out: people think … between turns")
	case l.users > 0 && l.heldUp.length > 0:
		return nil, errors.New("our client is held up in an open loop only: users who wait anyway would not tell")
	case l.users > 0:
		return harness.Closed{Users: l.users, Think: l.think, For: length, Requests: requests}, nil
	case l.atOnce && requests == 0:
		return nil, errors.New("all requests arrive at once: say how many they are: When the load runs for 200 requests")
	}
	arrivals, err := l.process()
	if l.heldUp.length > 0 {
		arrivals = heldUp{arrivals, l.heldUp}
	}
	return harness.Open{Arrivals: arrivals, For: length, Requests: requests, InFlight: l.inFlight, Think: l.between}, err
}
