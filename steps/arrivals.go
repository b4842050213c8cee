package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/fixtures"
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/dataset/trace"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/internal/spelling"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
)

// arrivalsSentences say when requests are due.
func arrivalsSentences() []entry {
	return []entry{
		{Pattern: `^requests arrive as a Poisson process at (.+) per second$`, Do: (*loadSpec).poisson,
			Doc: `Sends requests in an open loop at a mean rate, with independent arrivals (exponential gaps).`},
		{Pattern: `^requests arrive evenly at (.+) per second$`, Do: (*loadSpec).evenly,
			Doc: `Sends requests in an open loop at a constant rate, with equal gaps.`},
		{Pattern: `^requests arrive in bursts at (.+) per second with a coefficient of variation of (.+)$`, Do: (*loadSpec).inBursts,
			Doc: `Sends requests in an open loop in bursts: the coefficient of variation of the gaps is 1 in a Poisson process,
				and larger for bursts with silence between them.`},
		{Pattern: `^requests arrive as a Poisson process$`, Do: (*loadSpec).poissonProcess,
			Doc: `Makes arrivals independent, at the rate of the stages, the swing, the sweep or the search.`},
		{Pattern: `^requests arrive evenly$`, Do: (*loadSpec).evenProcess,
			Doc: `Makes the gaps equal where the rate of the stages, the swing, the sweep or the search stays the same, and as
				even as possible where it changes.`},
		{Pattern: `^requests arrive in bursts with a coefficient of variation of (.+)$`, Do: (*loadSpec).burstyProcess,
			Doc: `Makes arrivals come in bursts, at the rate of the stages, the swing, the sweep or the search.`},
		{Pattern: `^all requests arrive at once$`, Do: (*loadSpec).allAtOnce,
			Doc: `Makes all requests due at the start; the load says how many they are.`},
		{Pattern: `^the request rate follows these stages:$`, Do: (*loadSpec).inStages,
			Doc: `Changes the request rate of an open loop in stages; after the last stage its rate goes on. Arrivals are
				independent unless another sentence says how requests arrive.`},
		{Pattern: `^the request rate swings between (.+) and (.+) per second every (.+)$`, Do: (*loadSpec).swings,
			Doc: `Raises and lowers the request rate of an open loop periodically, as over a day, from its lowest. Arrivals are
				independent unless another sentence says how requests arrive.`},
		{Pattern: `^requests arrive as in the trace "([^"]*)"$`, Do: (*loadSpec).asInTrace,
			Doc: `Replays a trace: its arrival times and, where the scenario does not say what is asked, its lengths. It is the
				name of one that comes along, a file in the form of Azure's, BurstGPT's or Mooncake's or like them (.csv,
				.jsonl, .json), or the requests.parquet of a stored run. Failed requests are left out and counted; rows that are
				up to ten minutes out of order are sorted. A trace of millions of requests is read while it is replayed.`},
		{Pattern: `^requests arrive as in the trace "([^"]*)", (\S+) times as fast$`, Do: (*loadSpec).asInTraceFaster,
			Doc: `Replays a trace at another speed.`},
		{Pattern: `^requests arrive as in the trace "([^"]*)" at (\S+) per second$`, Do: (*loadSpec).asInTraceAt,
			Doc: `Replays a trace at the speed that gives this mean rate.`},
	}
}

func (l *loadSpec) poisson(perSecond string) error {
	r, err := amount.Rate(perSecond)
	if err != nil {
		return err
	}
	return l.arrive(arrival.Poisson{PerSecond: r})
}

func (l *loadSpec) evenly(perSecond string) error {
	r, err := amount.Rate(perSecond)
	if err != nil {
		return err
	}
	return l.arrive(arrival.Even{PerSecond: r})
}

func (l *loadSpec) inBursts(perSecond, variation string) error {
	r, err := amount.Rate(perSecond)
	if err != nil {
		return err
	}
	cv, err := amount.Coefficient(variation)
	if err != nil {
		return err
	}
	return l.arrive(arrival.Bursty{PerSecond: r, CV: cv})
}

func (l *loadSpec) poissonProcess() error { return l.arrive(arrival.Poisson{}) }

func (l *loadSpec) evenProcess() error { return l.arrive(arrival.Even{}) }

func (l *loadSpec) burstyProcess(variation string) error {
	cv, err := amount.Coefficient(variation)
	if err != nil {
		return err
	}
	return l.arrive(arrival.Bursty{CV: cv})
}

func (l *loadSpec) allAtOnce() error {
	if l.described() {
		return errTwoLoads
	}
	l.atOnce = true
	return nil
}

func (l *loadSpec) inStages(s said, table *godog.Table) error {
	var stages []arrival.Stage
	for i, row := range table.Rows {
		var cells []string
		for _, cell := range row.Cells {
			cells = append(cells, cell.Value)
		}
		stage, err := amount.Stage(cells...)
		if err != nil {
			return sentence.Placed(s.At(i), err)
		}
		stages = append(stages, stage)
	}
	if err := l.rateChanges(); err != nil {
		return err
	}
	l.stages = stages
	return nil
}

func (l *loadSpec) swings(low, high, period string) error {
	lowest, err := quantity.Number(low)
	if err != nil {
		return err
	}
	highest, err := amount.Rate(high)
	if err != nil {
		return err
	}
	p, err := amount.Duration(period)
	if err != nil {
		return err
	}
	if lowest < 0 || lowest >= highest || p <= 0 {
		return fmt.Errorf("the rate swings between %s and %s per second every %s: the first must be below the second, and the time above 0", low, high, period)
	}
	if err := l.rateChanges(); err != nil {
		return err
	}
	l.swing = &arrival.Swinging{Low: lowest, High: highest, Period: p}
	return nil
}

// rateChanges refuses a changing rate beside another load or another rate.
func (l *loadSpec) rateChanges() error {
	switch {
	case l.users > 0 || l.anyUsers || l.atOnce || l.changes():
		return errTwoLoads
	case l.arrivals != nil && l.arrivals.Rate() > 0:
		return errTwoRates
	}
	return nil
}

func (l *loadSpec) asInTrace(work *workload, name string) error {
	trace, err := l.playTraceAsTimed(work, name)
	if err != nil {
		return err
	}
	return l.arrive(trace)
}

func (l *loadSpec) asInTraceFaster(work *workload, name, times string) error {
	speed, err := quantity.Number(times)
	if err == nil && speed <= 0 {
		err = fmt.Errorf("%s times as fast is impossible; 2 is twice as fast", times)
	}
	if err != nil {
		return err
	}
	trace, err := l.playTraceAsTimed(work, name)
	if err != nil {
		return err
	}
	trace.Speed = speed
	return l.arrive(trace)
}

func (l *loadSpec) asInTraceAt(work *workload, name, perSecond string) error {
	r, err := amount.Rate(perSecond)
	if err != nil {
		return err
	}
	trace, err := l.playTrace(work, name)
	if err != nil {
		return err
	}
	if trace.Count() < 2 {
		return fmt.Errorf("the trace %q has one request, and so no rate that could be another; leave out: at %s per second", name, perSecond)
	}
	return l.arrive(trace.At(r))
}

// playTrace reads a trace, and remembers its lengths.
func (l *loadSpec) playTrace(work *workload, name string) (arrival.Listed, error) {
	files, path, err := work.traceFile(name)
	if err != nil {
		return arrival.Listed{}, err
	}
	played, err := trace.Read(files, path)
	if err != nil {
		return arrival.Listed{}, err
	}
	played.Name = name
	_, played.Sample = fixtures.Traces()[name]
	work.trace = &played
	return instantsOf(played), work.files.Add(name, files, path)
}

// instantsOf is the instants of a trace. Those of a large one are read from its file.
func instantsOf(played trace.Trace) arrival.Listed {
	if played.Held() {
		return arrival.Listed{Name: played.Name, Instants: played.Instants()}
	}
	count, _ := played.Count() // of a trace it is always known
	return arrival.Listed{Name: played.Name, Recorded: &arrival.Recording{Times: played.Times, Count: count, Last: played.Last(), Pause: played.Pause()}}
}

// playTraceAsTimed is playTrace where the unit of the trace's instants matters: nothing
// else says the rate.
func (l *loadSpec) playTraceAsTimed(work *workload, name string) (arrival.Listed, error) {
	listed, err := l.playTrace(work, name)
	if err == nil {
		err = work.trace.Units()
	}
	return listed, err
}

// traceFile is where a trace lies.
func (work *workload) traceFile(name string) (fs.FS, string, error) {
	known := fixtures.Traces()
	if path, ok := known[name]; ok {
		return fixtures.Files(), path, nil
	}
	if filepath.Ext(name) == "" {
		return nil, "", fmt.Errorf("%q is no trace%s; a file of your own ends in .csv, .jsonl, .json or .parquet", name, spelling.DidYouMean(name, slices.Sorted(maps.Keys(known))))
	}
	return work.file(name)
}

func (l *loadSpec) arrive(arrivals arrival.Process) error {
	switch {
	case l.users > 0 || l.anyUsers || l.atOnce || l.arrivals != nil:
		return errTwoLoads
	case l.changes() && arrivals.Rate() > 0:
		return errTwoRates
	}
	l.arrivals = arrivals
	return nil
}

// changes reports whether stages or swings say the rate.
func (l loadSpec) changes() bool { return l.stages != nil || l.swing != nil }

func (l loadSpec) described() bool {
	return l.anyUsers || l.arrivals != nil || l.changes() || l.atOnce || l.users > 0
}

var (
	errTwoLoads = errors.New("the scenario describes two loads; keep one, and write another scenario for the other")
	errTwoRates = errors.New("the rate is said twice, by the arrivals and by what changes it; beside stages or swings write: And requests arrive as a Poisson process")
)

// process is when requests are due in an open loop.
func (l loadSpec) process() (harness.Arrivals, error) {
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
