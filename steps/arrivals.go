package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/fixtures"
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/spelling"
)

func (w *world) registerArrivals(sc sentences) {
	sc.Step(`^requests arrive as a Poisson process at (.+) per second$`, w.poisson)
	sc.Step(`^requests arrive evenly at (.+) per second$`, w.evenly)
	sc.Step(`^requests arrive in bursts at (.+) per second with a coefficient of variation of (.+)$`, w.inBursts)
	sc.Step(`^requests arrive as a Poisson process$`, w.poissonProcess)
	sc.Step(`^requests arrive evenly$`, w.evenProcess)
	sc.Step(`^requests arrive in bursts with a coefficient of variation of (.+)$`, w.burstyProcess)
	sc.Step(`^all requests arrive at once$`, w.allAtOnce)
	sc.Step(`^the request rate follows these stages:$`, w.inStages)
	sc.Step(`^the request rate swings between (.+) and (.+) per second every (.+)$`, w.swings)
	sc.Step(`^requests arrive as in the trace "([^"]*)"$`, w.asInTrace)
	sc.Step(`^requests arrive as in the trace "([^"]*)", (\S+) times as fast$`, w.asInTraceFaster)
	sc.Step(`^requests arrive as in the trace "([^"]*)" at (\S+) per second$`, w.asInTraceAt)
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
	cv, err := coefficient(variation)
	if err != nil {
		return err
	}
	return w.arrive(arrival.Bursty{PerSecond: r, CV: cv})
}

func coefficient(variation string) (float64, error) {
	cv, err := number(variation)
	if err == nil && (cv < 0.05 || cv > 20) {
		err = fmt.Errorf("a coefficient of variation of %s is too far from a Poisson process's 1; it lies between 0.05 and 20", variation)
	}
	return cv, err
}

// poissonProcess is independent people at the rate that stages or swings say.
func (w *world) poissonProcess() error { return w.arrive(arrival.Poisson{}) }

// evenProcess is equal distances where the rate of stages or swings stays the same,
// and as even as can be where it changes.
func (w *world) evenProcess() error { return w.arrive(arrival.Even{}) }

// burstyProcess is bursts at the rate that stages or swings say.
func (w *world) burstyProcess(variation string) error {
	cv, err := coefficient(variation)
	if err != nil {
		return err
	}
	return w.arrive(arrival.Bursty{CV: cv})
}

// allAtOnce is everybody at the beginning; the load says how many they are.
func (w *world) allAtOnce() error {
	if w.load.described() {
		return errTwoLoads
	}
	w.load.atOnce = true
	return nil
}

// inStages is an open loop whose rate changes; after the last stage it goes on as
// it is. People are independent of each other unless another sentence says how
// requests arrive.
func (w *world) inStages(table *godog.Table) error {
	var stages []arrival.Stage
	for i, row := range table.Rows {
		stage, err := parseStage(row.Cells)
		if err != nil {
			return fmt.Errorf("%s: %w", w.suite.where(w.step.AstNodeIds, i), err)
		}
		stages = append(stages, stage)
	}
	if err := w.rateChanges(); err != nil {
		return err
	}
	w.load.stages = stages
	return nil
}

// swings is an open loop whose rate goes up and down as a day's does, beginning
// at its lowest. How requests arrive can be said as for stages.
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
	if err := w.rateChanges(); err != nil {
		return err
	}
	w.load.swing = &arrival.Swinging{Low: l, High: h, Period: p}
	return nil
}

// rateChanges refuses a changing rate beside another load or another rate.
func (w *world) rateChanges() error {
	switch l := w.load; {
	case l.users > 0 || l.anyUsers || l.atOnce || l.changes():
		return errTwoLoads
	case l.arrivals != nil && l.arrivals.Rate() > 0:
		return errTwoRates
	}
	return nil
}

// asInTrace plays a trace: its instants and, where the scenario does not say what
// is asked, its lengths. It is the name of one that comes along, a file in the form
// of Azure's, BurstGPT's or Mooncake's, or the requests.parquet of a stored run.
func (w *world) asInTrace(name string) error {
	trace, err := w.playTrace(name)
	if err != nil {
		return err
	}
	return w.arrive(trace)
}

// asInTraceFaster plays a trace at another speed.
func (w *world) asInTraceFaster(name, times string) error {
	speed, err := number(times)
	if err == nil && speed <= 0 {
		err = fmt.Errorf("%s times as fast is impossible; 2 is twice as fast", times)
	}
	if err != nil {
		return err
	}
	trace, err := w.playTrace(name)
	if err != nil {
		return err
	}
	trace.Speed = speed
	return w.arrive(trace)
}

// asInTraceAt plays a trace as fast or as slowly as makes this its mean rate.
func (w *world) asInTraceAt(name, perSecond string) error {
	r, err := rate(perSecond)
	if err != nil {
		return err
	}
	trace, err := w.playTrace(name)
	if err != nil {
		return err
	}
	if len(trace.Instants) < 2 {
		return fmt.Errorf("the trace %q has one request, and so no rate that could be another; leave out: at %s per second", name, perSecond)
	}
	return w.arrive(trace.At(r))
}

// playTrace reads a trace, and remembers its lengths.
func (w *world) playTrace(name string) (arrival.Listed, error) {
	files, path, err := w.trace(name)
	if err != nil {
		return arrival.Listed{}, err
	}
	trace, err := dataset.ReadTrace(files, path)
	if err != nil {
		return arrival.Listed{}, err
	}
	trace.Name = name
	w.load.trace = &trace
	return arrival.Listed{Name: name, Instants: trace.Instants()}, w.drawsFrom(name, source{files, path})
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

func (w *world) arrive(arrivals arrival.Process) error {
	switch l := w.load; {
	case l.users > 0 || l.anyUsers || l.atOnce || l.arrivals != nil:
		return errTwoLoads
	case l.changes() && arrivals.Rate() > 0:
		return errTwoRates
	}
	w.load.arrivals = arrivals
	return nil
}

// changes reports whether stages or swings say the rate.
func (l loadWords) changes() bool { return l.stages != nil || l.swing != nil }

func (l loadWords) described() bool {
	return l.anyUsers || l.arrivals != nil || l.changes() || l.atOnce || l.users > 0
}

var (
	errTwoLoads = errors.New("the scenario describes two loads; keep one, and write another scenario for the other")
	errTwoRates = errors.New("the rate is said twice, by the arrivals and by what changes it; beside stages or swings write: And requests arrive as a Poisson process")
)

// process is when requests are due in an open loop.
func (l loadWords) process() (harness.Arrivals, error) {
	switch {
	case l.atOnce:
		return arrival.AtOnce{}, nil
	case l.stages != nil:
		return arrival.Staged{Process: l.arrivals, Stages: l.stages}, nil
	case l.swing != nil:
		return arrival.Swinging{Process: l.arrivals, Low: l.swing.Low, High: l.swing.High, Period: l.swing.Period}, nil
	case l.arrivals == nil:
		return nil, errors.New("the scenario does not say when requests are due; add: And requests arrive as a Poisson process at 8 per second")
	case l.arrivals.Rate() == 0:
		return nil, fmt.Errorf("requests arrive (%v), but nothing says at what rate; add it to the sentence, at 8 per second, or stages, or swings", l.arrivals)
	}
	return l.arrivals, nil
}
