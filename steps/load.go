package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/fixtures"
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/spelling"
)

// loadWords is the load as the scenario says it.
type loadWords struct {
	arrivals harness.Arrivals
	trace    *dataset.Trace // that the arrivals are from
	users    int
	think    harness.Think
	inFlight int
	between  harness.Think // turns of a conversation
}

func (w *world) registerLoad(sc sentences) {
	sc.Step(`^requests arrive as a Poisson process at (.+) per second$`, w.poisson)
	sc.Step(`^requests arrive evenly at (.+) per second$`, w.evenly)
	sc.Step(`^requests arrive in bursts at (.+) per second with a coefficient of variation of (.+)$`, w.inBursts)
	sc.Step(`^all requests arrive at once$`, w.atOnce)
	sc.Step(`^the request rate follows these stages:$`, w.inStages)
	sc.Step(`^the request rate swings between (.+) and (.+) per second every (.+)$`, w.swings)
	sc.Step(`^requests arrive as in the trace "([^"]*)"$`, w.asInTrace)
	sc.Step(`^requests arrive as in the trace "([^"]*)", (\S+) times as fast$`, w.asInTraceFaster)
	sc.Step(`^(\S+) users ask with a think time of (.+)$`, w.usersAsk)
	sc.Step(`^(\S+) users ask with an exponential think time of (.+)$`, w.usersAskExponentially)
	sc.Step(`^(\S+) users ask with a log-normal think time of (.+) ± (.+)$`, w.usersAskLogNormally)
	sc.Step(`^people think for (.+) between turns$`, w.thinkBetween)
	sc.Step(`^(\S+%) of requests are given up after (.+)$`, w.givenUpAfter)
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

// inBursts is an open loop whose gaps vary: 1 is a Poisson process, above it
// requests come in bursts with silence between them.
func (w *world) inBursts(perSecond, variation string) error {
	r, err := rate(perSecond)
	if err != nil {
		return err
	}
	cv, err := number(variation)
	if err == nil && (cv < 0.05 || cv > 20) {
		err = fmt.Errorf("a coefficient of variation of %s is too far from a Poisson process's 1; it lies between 0.05 and 20", variation)
	}
	if err != nil {
		return err
	}
	return w.arrive(arrival.Bursty{PerSecond: r, CV: cv})
}

// atOnce is everybody at the beginning; the load says how many they are.
func (w *world) atOnce() error { return w.arrive(arrival.AtOnce{}) }

// inStages is an open loop of independent people whose number changes; after the
// last stage its rate goes on.
func (w *world) inStages(table *godog.Table) error {
	var stages []arrival.Stage
	for i, row := range table.Rows {
		stage, err := parseStage(row.Cells)
		if err != nil {
			return fmt.Errorf("%s: %w", w.suite.where(w.step.AstNodeIds, i), err)
		}
		stages = append(stages, stage)
	}
	return w.arrive(arrival.Staged{Stages: stages})
}

// swings is an open loop whose rate goes up and down as a day's does, beginning
// at its lowest.
func (w *world) swings(low, high, period string) error {
	l, err := number(low)
	if err != nil {
		return err
	}
	h, err := rate(high)
	if err != nil {
		return err
	}
	p, err := duration(period)
	if err != nil {
		return err
	}
	if l < 0 || l >= h || p <= 0 {
		return fmt.Errorf("the rate swings between %s and %s per second every %s: the first must be below the second, and the time above 0", low, high, period)
	}
	return w.arrive(arrival.Swinging{Low: l, High: h, Period: p})
}

// asInTrace plays a trace: its instants and, where the scenario does not say what
// is asked, its lengths. It is the name of one that comes along, a file in the form
// of Azure's, BurstGPT's or Mooncake's, or the requests.parquet of a stored run.
func (w *world) asInTrace(name string) error { return w.asInTraceFaster(name, "1") }

// asInTraceFaster plays a trace at another speed.
func (w *world) asInTraceFaster(name, times string) error {
	speed, err := number(times)
	if err == nil && speed <= 0 {
		err = fmt.Errorf("%s times as fast is impossible; 2 is twice as fast", times)
	}
	if err != nil {
		return err
	}
	files, path, err := w.trace(name)
	if err != nil {
		return err
	}
	trace, err := dataset.ReadTrace(files, path)
	if err != nil {
		return err
	}
	trace.Name = name
	w.load.trace = &trace
	return w.arrive(arrival.Listed{Name: name, Instants: trace.Instants(), Speed: speed})
}

// trace is where a trace lies.
func (w *world) trace(name string) (fs.FS, string, error) {
	known, err := fs.Glob(fixtures.Files(), "traces/*")
	if err != nil {
		return nil, "", err
	}
	var names []string
	for _, path := range known {
		short := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		if short == name {
			return fixtures.Files(), path, nil
		}
		names = append(names, short)
	}
	if filepath.Ext(name) == "" {
		slices.Sort(names)
		return nil, "", fmt.Errorf("%q is no trace%s; a file of your own ends in .csv, .jsonl or .parquet", name, spelling.DidYouMean(name, names))
	}
	return w.file(name)
}

// parseStage reads | for 1 minute | 4 per second | or | for 2 minutes | from 4 to 16 per second |.
func parseStage(cells []*messages.PickleTableCell) (s arrival.Stage, err error) {
	const form = "a row reads | for 1 minute | 4 per second | or | for 2 minutes | from 4 to 16 per second |"
	if len(cells) != 2 {
		return s, fmt.Errorf("the row has %d cells; %s", len(cells), form)
	}
	length, isFor := strings.CutPrefix(cells[0].Value, "for ")
	rates, perSecond := strings.CutSuffix(cells[1].Value, " per second")
	if !isFor || !perSecond {
		return s, errors.New(form)
	}
	if s.For, err = duration(length); err != nil {
		return s, err
	}
	from, to, changes := strings.Cut(strings.TrimPrefix(rates, "from "), " to ")
	if !changes {
		to = from
	}
	if s.From, err = number(from); err == nil {
		s.To, err = number(to)
	}
	switch {
	case err != nil:
		return s, err
	case s.From < 0 || s.To < 0 || s.For <= 0:
		return s, fmt.Errorf("%q: a rate cannot be negative, and a stage takes time", cells[1].Value)
	}
	return s, nil
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

func (w *world) ask(users, think string, how harness.Think) (err error) {
	if w.load.arrivals != nil || w.load.users > 0 {
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

// thinkBetween is how long people of an open loop think before the next turn of
// their conversation, on average; their thoughts have no memory.
func (w *world) thinkBetween(length string) error {
	d, err := duration(length)
	w.load.between = harness.Think{Mean: d, Shape: harness.Exponential}
	return err
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
	_, endless := l.arrivals.(arrival.AtOnce)
	switch {
	case l.users > 0 && l.inFlight > 0:
		return nil, errors.New("a bound of requests in flight belongs to an open loop; the users of a closed loop are its bound")
	case l.users > 0 && l.between.Mean > 0:
		return nil, errors.New("the users of a closed loop have one think time; leave out: people think … between turns")
	case l.users > 0:
		return harness.Closed{Users: l.users, Think: l.think, For: length, Requests: requests}, nil
	case l.arrivals == nil:
		return nil, errors.New("the scenario does not say when requests are due; add: And requests arrive as a Poisson process at 8 per second")
	case endless && requests == 0:
		return nil, errors.New("all requests arrive at once: say how many they are: When the load runs for 200 requests")
	}
	return harness.Open{Arrivals: l.arrivals, For: length, Requests: requests, InFlight: l.inFlight, Think: l.between}, nil
}
