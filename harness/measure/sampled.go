package measure

import (
	"fmt"
	"math"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// Sampled is what was sampled beside the load, of the series that an objective asks
// for: counts and order statistics, however long the run was.
type Sampled struct {
	run      *harness.Run
	from, to time.Duration
	series   map[string]*Series
	named    map[string][]*Series // by source and name: of all labels, and of some
	buckets  map[string]*buckets
	Feeds    map[string]*Feed
	gpus     map[string]*gpu
	pods     map[string]bool // that the GPUs were given to, where their exporter tells
	parts    []*Sampled      // of several runs that are judged together
}

// A Feed is how often something was read.
type Feed struct {
	first, last time.Duration // since the start of the run
	before      time.Duration // the last reading that is no later than the window's begin
	age         float64       // s that its values were old
	dated       bool          // it is reported how old its values are: another program collects them
	engine      bool          // some series was an engine's, and not only of the process
	inside      int           // readings inside the window, all series of one instant counting as one
	Missing     int           // readings that did not come inside it
	lost        int           // readings that did not come so far
	silence     silence       // the time for which none came
	longest     time.Duration // between two readings
	took        tally         // s that a reading took, inside it
}

// A Series is one over all its label sets.
type Series struct {
	sums, mosts, means tally   // of the readings inside the window: over the label sets the sum, the greatest, the mean
	rates              tally   // of the sum, by the second since the reading before
	risen, seconds     float64 // of which these are the sums: readings need not be equally far apart
	begin, end         point   // the first and the last of them
	now                point   // being added up
	most, rose         float64
	sets               int
	before             time.Duration // the instant of the reading before; Never
	pending, inside    bool
	known              bool // by how much it rose

	where    map[string]string // only of these labels
	counters *ledger.Counters
	rise     float64 // since the window began, until the end of the run
	rises    int     // readings that it rests on
	void     void
}

// A point is a value at an instant.
type point struct {
	at time.Duration
	v  float64
}

func newSampled(run *harness.Run) *Sampled {
	w := &Sampled{run: run, from: run.From, to: run.To, series: map[string]*Series{}, named: map[string][]*Series{}, buckets: map[string]*buckets{}, Feeds: map[string]*Feed{}, gpus: map[string]*gpu{}, pods: map[string]bool{}}
	for _, m := range metric.Metrics() {
		w.keep(m)
	}
	for _, o := range run.Scenario.Objectives {
		if m, err := metric.OfRow(o); err == nil {
			w.keep(m)
		}
	}
	for _, name := range []string{harness.SeriesIssued, harness.SeriesInFlightSeconds, harness.SeriesStalled, harness.SeriesWakeUpLate, "process_cpu_seconds", "cpus_available",
		"cpu_throttled_seconds", "gc_pause_max_seconds", "open_files", "open_files_limit", "ports_used", "ports_available"} {
		w.ask("client", name)
	}
	return w
}

func (w *Sampled) keep(m metric.Metric) {
	feed, series := m.Feeds()
	for _, name := range series {
		w.ask(feed, name)
	}
	if h, ok := m.Source.(metric.Histogram); ok && w.buckets[h.Name] == nil {
		w.buckets[h.Name] = newBuckets()
	}
}

func key(source, name string) string { return source + " " + name }

// ask wants a series to be taken from now on.
func (w *Sampled) ask(source, name string) *Series {
	k := key(source, name)
	if w.series[k] == nil {
		plain, where := metric.Selector(name)
		of := &Series{where: where, counters: ledger.NewCounters(), before: harness.NoTime, void: newVoid()}
		w.series[k] = of
		w.named[key(source, plain)] = append(w.named[key(source, plain)], of)
		if source == "server" && where["model_name"] != "" {
			w.named[key(harness.OtherModels, plain)] = append(w.named[key(harness.OtherModels, plain)], of)
		}
	}
	return w.series[k]
}

func (of *Series) covers(labels map[string]string) bool {
	for label, value := range of.where {
		if labels[label] != value {
			return false
		}
	}
	return true
}

func (w *Sampled) source(name string) *Feed {
	of := w.Feeds[name]
	if of == nil {
		of = &Feed{first: harness.NoTime, last: harness.NoTime, before: harness.NoTime}
		w.Feeds[name] = of
	}
	return of
}

func (w *Sampled) take(s harness.Sample) {
	if s.Source == "watch" {
		if s.Series == harness.SeriesNoValue {
			w.takeVoid(s)
			return
		}
		of := w.source(s.Labels["of"])
		of.watching(s, s.At >= w.from && s.At <= w.to)
		if s.Series == harness.SeriesAge {
			if of.dated = true; s.At <= w.from {
				of.age = s.Value
			}
		}
		return
	}
	of := w.source(s.Source)
	if of.first == harness.NoTime {
		of.first = s.At
	}
	if s.At != of.last {
		of.silence.until(s.At, of.last, w.period(), w.from, w.to)
		if of.last != harness.NoTime {
			of.longest = max(of.longest, s.At-of.last)
		}
		if s.At >= w.from && s.At <= w.to {
			of.inside++
		}
	}
	if of.last = s.At; s.At <= w.from && s.At != of.before {
		of.before, of.age = s.At, 0
	}
	of.engine = of.engine || vllm.IsSeries(s.Series)
	for _, series := range w.named[key(s.Source, s.Series)] {
		if series.covers(s.Labels) {
			series.take(s, w)
		}
	}
	switch {
	case s.Source == "server":
		w.takeBucket(s)
	case s.Source == "gpu":
		w.takeGPU(s)
	}
}

// Reading is how many readings there were, and how long one took on average, in seconds.
func (of *Feed) Reading() (n int, each float64) {
	n = of.took.values.N()
	each, _, _ = of.took.mean.Interval(float64(n), Confidence)
	return n, each
}

// watching records the sampler's own telemetry: how long a reading took, how many failed.
func (of *Feed) watching(s harness.Sample, inside bool) {
	switch {
	case s.Series == harness.SeriesReading && inside:
		of.took.add(s.Value)
	case s.Series == harness.SeriesMissing && inside && s.Value > float64(of.lost):
		of.Missing += int(s.Value) - of.lost
	}
	if s.Series == harness.SeriesMissing {
		of.silence.known = true
		of.silence.failed = of.silence.failed || int(s.Value) > of.lost
		of.lost = int(s.Value)
	}
}

// isOf reports whether a sample may be of a series of a source. One that names another
// model is asked for by that label only.
func isOf(s harness.Sample, source string, where map[string]string) bool {
	return s.Source == source || source == "server" && s.Source == harness.OtherModels && where["model_name"] != ""
}

// Series is a series; one that was not asked for before is read now.
func (w *Sampled) Series(source, name string) *Series {
	of := w.series[key(source, name)]
	if len(w.parts) > 0 && of == nil {
		of = w.together(source, name)
		w.series[key(source, name)] = of
	}
	if of == nil {
		of = w.ask(source, name)
		plain, _ := metric.Selector(name)
		for s := range w.run.Samples {
			switch {
			case isOf(s, source, of.where) && s.Series == plain && of.covers(s.Labels):
				of.take(s, w)
			case isVoid(s, source, plain) && of.covers(s.Labels):
				of.void.take(s, w)
			}
		}
	}
	of.add()
	of.void = w.ended(of.void, source)
	return of
}

// take takes a reading.
func (of *Series) take(s harness.Sample, w *Sampled) {
	if of.pending && of.now.at != s.At {
		of.add()
	}
	if !of.pending {
		of.now, of.most, of.sets, of.pending = point{at: s.At}, s.Value, 0, true
	}
	if rose, known := of.counters.Rise(s, w.first(s.Source)); known {
		of.rose, of.known = of.rose+rose, true
		if s.At > w.from {
			of.rises++
			of.rise += rose
		}
	}
	of.now.v += s.Value
	of.most = max(of.most, s.Value)
	of.sets++
	of.inside = s.At >= w.from && s.At <= w.to
}

// first is when a source was first read.
func (w *Sampled) first(source string) time.Duration {
	if of := w.Feeds[source]; of != nil && of.first != harness.NoTime {
		return of.first
	}
	return math.MaxInt64
}

// add is for when all of an instant has come. One in which a label set had no value is
// a gap: what the others rose by goes to the next.
func (of *Series) add() {
	if !of.pending {
		return
	}
	of.pending = false
	if of.void.at == of.now.at {
		return
	}
	before, rose, known := of.before, of.rose, of.known
	of.before, of.rose, of.known = of.now.at, 0, false
	if !of.inside {
		return
	}
	if known && before != harness.NoTime && of.now.at > before {
		seconds := (of.now.at - before).Seconds()
		of.rates.add(rose / seconds)
		of.risen, of.seconds = of.risen+rose, of.seconds+seconds
	}
	if of.sums.values.N() == 0 {
		of.begin = of.now
	}
	of.end = of.now
	of.sums.add(of.now.v)
	of.mosts.add(of.most)
	of.means.add(of.now.v / float64(of.sets))
}

// tally is what a gauge wants to know of it.
func (of *Series) tally(g metric.Gauge) *tally {
	switch {
	case g.Rate:
		return &of.rates
	case g.Over == metric.Greatest:
		return &of.mosts
	case g.Over == metric.Average:
		return &of.means
	}
	return &of.sums
}

// Readings is how many there are.
func (of *Series) Readings() int { return of.sums.values.N() }

func (of *Series) Greatest() float64 { return of.sums.values.Rank(of.Readings()) }
func (of *Series) Least() float64    { return of.sums.values.Rank(1) }

// Last is the value that was read last.
func (of *Series) Last() float64 { return of.end.v }

// Lasted is the time between the first reading and the last one.
func (of *Series) Lasted() time.Duration { return of.end.at - of.begin.at }

// PerSecond is how much a count of one label set rose, by the second.
func (of *Series) PerSecond() (float64, bool) {
	if of.Readings() < 2 || of.end.at <= of.begin.at {
		return 0, false
	}
	return (of.end.v - of.begin.v) / (of.end.at - of.begin.at).Seconds(), true
}

// unread says that a counter was not read at both ends of the window; "" where it
// was. What it did between them is in the difference.
func (w *Sampled) unread(name string) string {
	if of := w.firstOf(func(part *Sampled) string { return part.unread(name) }); of != "" {
		return of
	}
	own, of := w.Feeds["client"], w.Feeds[name]
	const late = time.Second // of a scrape, or its time-out
	if of != nil && of.dated && of.before != harness.NoTime {
		if begun := w.begun(of, late); begun != "" {
			return begun
		}
	}
	if own == nil || of == nil || of.first == harness.NoTime || of.first <= max(w.from, own.first)+late && of.last+late >= min(w.to, own.last) {
		return ""
	}
	return fmt.Sprintf("the readings of the %s go from %s to %s of the run only, and what was before and after is unknown", name,
		quantity.Format(of.first.Seconds(), quantity.Seconds), quantity.Format(of.last.Seconds(), quantity.Seconds))
}

// begun says that what a counter was when the window began is not known; "" where it is. Values that were collected
// before then, by so much that it could matter, count what is no part of it.
func (w *Sampled) begun(of *Feed, late time.Duration) string {
	const matters = 0.01 // of the window
	before := (w.from - of.before).Seconds()
	if before <= late.Seconds() {
		before = 0
	}
	if before += of.age; before <= matters*(w.to-w.from).Seconds() {
		return ""
	}
	return fmt.Sprintf("the last values from before the measured window are %s older than its begin, and how much of the rise since is of the warm-up is not known", quantity.Format(before, quantity.Seconds))
}

// lastUnread is why the last reading of a source that is missing did not come.
func (w *Sampled) lastUnread(source string) string {
	if why := w.run.Unread[source]; why != "" {
		return "; of the last that did not: " + why
	}
	return ""
}
