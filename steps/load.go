package steps

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
)

// loadSpec is the load as the scenario says it.
type loadSpec struct {
	arrivals arrival.Process // its rate is 0 where others say it
	stages   []arrival.Stage
	swing    *arrival.Swinging
	atOnce   bool
	users    int
	anyUsers bool // a sweep or a search says how many
	think    harness.Think
	inFlight int
	between  harness.Think  // turns of a conversation
	heldUp   arrival.HeldUp // our client, once; its arrivals are those of this load
}

// loadSentences say how users ask.
func loadSentences() []entry {
	return []entry{
		{Pattern: `^(\S+) users ask with a think time of (.+)$`, Do: (*loadSpec).usersAsk,
			Doc: `Sends requests in a closed loop: each user asks, reads, thinks and asks again.`},
		{Pattern: `^users ask with (a|an exponential) think time of (.+)$`, Do: (*loadSpec).someUsersAsk,
			Doc: `Sends requests in a closed loop; the sweep or the search says how many users there are.`},
		{Pattern: `^(\S+) users ask with an exponential think time of (.+)$`, Do: (*loadSpec).usersAskExponentially,
			Doc: `Sends requests in a closed loop with exponentially distributed think times.`},
		{Pattern: `^(\S+) users ask with a log-normal think time of (.+) ± (.+)$`, Do: (*loadSpec).usersAskLogNormally,
			Doc: `Sends requests in a closed loop with log-normal think times, mean ± deviation: mostly short and sometimes long,
				as people's are.`},
		{Pattern: `^(\S+%) of requests are given up after (.+)$`, Do: givenUpAfter,
			Doc: `Cancels the requests of users who have waited this long for the end of their answer. That is no error of the
				server's; a request cancelled before its first token counts as one that never got it.`},
		{Pattern: `^at most (\S+) requests are in flight$`, Do: (*loadSpec).atMostInFlight,
			Doc: `Bounds the requests in flight of an open loop; latency of a request that waits counts from its due time.`},
	}
}

func (l *loadSpec) usersAsk(users, think string) error { return l.ask(users, think, harness.Think{}) }

func (l *loadSpec) usersAskExponentially(users, think string) error {
	return l.ask(users, think, harness.Think{Shape: harness.Exponential})
}

func (l *loadSpec) usersAskLogNormally(users, think, deviation string) error {
	if _, err := quantity.Number(think); err == nil {
		think += strings.TrimLeft(deviation, "0123456789.,") // 2 ± 1 seconds
	}
	d, err := amount.Duration(deviation)
	if err != nil {
		return fmt.Errorf("think time: %w", err)
	}
	return l.ask(users, think, harness.Think{Shape: harness.LogNormal, Deviation: d})
}

func (l *loadSpec) someUsersAsk(kind, think string) error {
	how := harness.Think{}
	if kind == "an exponential" {
		how.Shape = harness.Exponential
	}
	err := l.ask("1", think, how) // how many is not known yet
	l.users, l.anyUsers = 0, true
	return err
}

func (l *loadSpec) ask(users, think string, how harness.Think) (err error) {
	if l.described() {
		return errTwoLoads
	}
	if l.users, err = amount.Count(users, "users", 1); err != nil {
		return err
	}
	how.Mean, err = amount.Duration(think)
	if err != nil {
		return fmt.Errorf("think time: %w", err)
	}
	l.think = how
	return nil
}

func givenUpAfter(s *harness.Scenario, of, after string) (err error) {
	if s.Abandonment.Share, err = amount.Share(of); err != nil {
		return err
	}
	s.Abandonment.After, err = amount.Duration(after)
	return err
}

func (l *loadSpec) atMostInFlight(bound string) (err error) {
	l.inFlight, err = amount.Count(bound, "requests in flight", 1)
	return err
}

// build is the load as the runner plays it.
func (l loadSpec) build(length time.Duration, requests int) (harness.Load, error) {
	switch {
	case l.anyUsers && l.users == 0:
		return nil, errors.New("nothing says how many users ask; write: And 32 users ask with a think time of 2 seconds")
	case l.users > 0 && l.inFlight > 0:
		return nil, errors.New("a bound of requests in flight belongs to an open loop; the users of a closed loop are its bound")
	case l.users > 0 && l.between.Mean > 0:
		return nil, errors.New("the users of a closed loop have one think time; leave out: people think … between turns")
	case l.users > 0 && l.heldUp.For > 0:
		return nil, errors.New("our client is held up in an open loop only: users who wait anyway would not tell")
	case l.users > 0:
		return harness.Closed{Users: l.users, Think: l.think, For: length, Requests: requests}, nil
	case l.atOnce && requests == 0:
		return nil, errors.New("all requests arrive at once: say how many they are: When the load runs for 200 requests")
	}
	arrivals, err := l.process()
	if l.heldUp.For > 0 {
		l.heldUp.Arrivals = arrivals
		arrivals = l.heldUp
	}
	return harness.Open{Arrivals: arrivals, For: length, Requests: requests, InFlight: l.inFlight, Think: l.between}, err
}
