package slo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// watched is what was sampled beside the load, of the series that somebody asks
// for: counts and order statistics, however long the run was.
type watched struct {
	run      *harness.Run
	from, to time.Duration
	series   map[string]*series
	named    map[string][]*series // by source and name: of all labels, and of some
	buckets  map[string]*buckets
	sources  map[string]*source
	gpus     map[string]*gpu
	parts    []*watched // of several runs that are judged together
}

// A source is how often something was read.
type source struct {
	first, last time.Duration // since the start of the run
	inside      int           // readings inside the window, all series of one instant counting as one
	missing     int           // readings that did not come inside it
	lost        int           // readings that did not come so far
	took        tally         // s that a reading took, inside it
}

// A series is one over all its label sets.
type series struct {
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

	where map[string]string // only of these labels
	last  map[string]float64
	rise  float64 // since the window began, until the end of the run
	rises int     // readings that it rests on
}

// A point is a value at an instant.
type point struct {
	at time.Duration
	v  float64
}

func newWatched(run *harness.Run) *watched {
	w := &watched{run: run, from: run.From, to: run.To, series: map[string]*series{}, named: map[string][]*series{}, buckets: map[string]*buckets{}, sources: map[string]*source{}, gpus: map[string]*gpu{}}
	for _, m := range Metrics() {
		w.keep(m)
	}
	for _, o := range run.Scenario.Objectives {
		if m, err := Lookup(o.Metric); err == nil {
			w.keep(m)
		}
	}
	for _, name := range besideSeries() {
		w.ask("server", name)
	}
	for _, name := range []string{harness.SeriesIssued, harness.SeriesInFlightSeconds, harness.SeriesStalled, harness.SeriesWakeUpLate, "process_cpu_seconds", "cpus_available",
		"cpu_throttled_seconds", "gc_pause_max_seconds", "open_files", "open_files_limit", "ports_used", "ports_available"} {
		w.ask("client", name)
	}
	return w
}

func (w *watched) keep(m Metric) {
	if m.gauge != nil {
		w.ask(m.gauge.source, m.gauge.series)
	}
	if m.counter != "" {
		w.ask(m.counts(), m.counter)
	}
	if m.buckets != "" && w.buckets[m.buckets] == nil {
		w.buckets[m.buckets] = newBuckets()
	}
}

func key(source, name string) string { return source + " " + name }

// ask wants a series to be taken from now on.
func (w *watched) ask(source, name string) *series {
	k := key(source, name)
	if w.series[k] == nil {
		plain, where := selector(name)
		of := &series{where: where, last: map[string]float64{}, before: harness.Never}
		w.series[k] = of
		w.named[key(source, plain)] = append(w.named[key(source, plain)], of)
	}
	return w.series[k]
}

// selector splits "name{label=value,…}".
func selector(name string) (plain string, where map[string]string) {
	plain, rest, ok := strings.Cut(strings.TrimSuffix(name, "}"), "{")
	if !ok {
		return name, nil
	}
	where = map[string]string{}
	for pair := range strings.SplitSeq(rest, ",") {
		label, value, _ := strings.Cut(pair, "=")
		where[strings.TrimSpace(label)] = strings.Trim(strings.TrimSpace(value), `"`)
	}
	return plain, where
}

func (of *series) covers(labels map[string]string) bool {
	for label, value := range of.where {
		if labels[label] != value {
			return false
		}
	}
	return true
}

func (w *watched) source(name string) *source {
	of := w.sources[name]
	if of == nil {
		of = &source{first: harness.Never, last: harness.Never}
		w.sources[name] = of
	}
	return of
}

func (w *watched) take(s harness.Sample) {
	if s.Source == "watch" {
		w.source(s.Labels["of"]).watching(s, s.At >= w.from && s.At <= w.to)
		return
	}
	of := w.source(s.Source)
	if of.first == harness.Never {
		of.first = s.At
	}
	if s.At != of.last && s.At >= w.from && s.At <= w.to {
		of.inside++
	}
	of.last = s.At
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

// watching takes what is told of the reading itself.
func (of *source) watching(s harness.Sample, inside bool) {
	switch {
	case s.Series == harness.SeriesReading && inside:
		of.took.add(s.Value)
	case s.Series == harness.SeriesMissing && inside && s.Value > float64(of.lost):
		of.missing += int(s.Value) - of.lost
	}
	if s.Series == harness.SeriesMissing {
		of.lost = int(s.Value)
	}
}

// of is a series; one that nobody had asked for is read now.
func (w *watched) of(source, name string) *series {
	of := w.series[key(source, name)]
	if len(w.parts) > 0 && of == nil {
		of = w.together(source, name)
		w.series[key(source, name)] = of
	}
	if of == nil {
		of = w.ask(source, name)
		plain, _ := selector(name)
		for s := range w.run.Samples {
			if s.Source == source && s.Series == plain && of.covers(s.Labels) {
				of.take(s, w)
			}
		}
	}
	of.add()
	return of
}

// take takes a reading. A counter that falls was reset, and one that appears while
// others of its source had been there was not: both have risen from zero.
func (of *series) take(s harness.Sample, w *watched) {
	if of.pending && of.now.at != s.At {
		of.add()
	}
	if !of.pending {
		of.now, of.most, of.rose, of.sets, of.pending, of.known = point{at: s.At}, s.Value, 0, 0, true, false
	}
	labels := labelled(s.Labels)
	before, seen := of.last[labels]
	of.last[labels] = s.Value
	if first := w.sources[s.Source]; seen || first != nil && s.At > first.first {
		rose := s.Value
		if s.Value >= before {
			rose -= before
		}
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

// add is for when all of an instant has come.
func (of *series) add() {
	if !of.pending {
		return
	}
	of.pending = false
	before := of.before
	of.before = of.now.at
	if !of.inside {
		return
	}
	if of.known && before != harness.Never && of.now.at > before {
		seconds := (of.now.at - before).Seconds()
		of.rates.add(of.rose / seconds)
		of.risen, of.seconds = of.risen+of.rose, of.seconds+seconds
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
func (of *series) tally(g gauge) *tally {
	switch {
	case g.rate:
		return &of.rates
	case g.over == greatest:
		return &of.mosts
	case g.over == averaged:
		return &of.means
	}
	return &of.sums
}

// readings is how many there are.
func (of *series) readings() int { return of.sums.values.N() }

func (of *series) greatest() float64 { return of.sums.values.Rank(of.readings()) }
func (of *series) least() float64    { return of.sums.values.Rank(1) }

// perSecond is how much a count of one label set rose, by the second.
func (of *series) perSecond() (float64, bool) {
	if of.readings() < 2 || of.end.at <= of.begin.at {
		return 0, false
	}
	return (of.end.v - of.begin.v) / (of.end.at - of.begin.at).Seconds(), true
}

// coverageLeast is the share of its readings that must have come for the figures of a
// source to stand.
const coverageLeast = 0.90

// gaps says that a source was not read often enough; "" where it was. A server's
// metrics time out just when it is overloaded. Where nothing is told of the readings
// that did not come, the client's own gauges, which always are read, tell how many
// there should have been.
func (w *watched) gaps(name string) string {
	if of := w.first(func(part *watched) string { return part.gaps(name) }); of != "" {
		return of
	}
	own, of := w.sources["client"], w.sources[name]
	if of == nil {
		return ""
	}
	missing := of.missing
	if of.took.values.N() == 0 && own != nil {
		missing = own.inside - of.inside
	}
	due := of.inside + missing
	if missing <= 2 || float64(of.inside) >= coverageLeast*float64(due) {
		return ""
	}
	return fmt.Sprintf("only %s of %s readings of the %s came, and what was between them nobody knows", grouped(of.inside), grouped(due), name)
}

// unread says that a counter was not read at both ends of the window; "" where it
// was. What it did between them is in the difference.
func (w *watched) unread(name string) string {
	if of := w.first(func(part *watched) string { return part.unread(name) }); of != "" {
		return of
	}
	own, of := w.sources["client"], w.sources[name]
	const late = time.Second // of a scrape, or its time-out
	if own == nil || of == nil || of.first == harness.Never || of.first <= max(w.from, own.first)+late && of.last+late >= min(w.to, own.last) {
		return ""
	}
	return fmt.Sprintf("the readings of the %s go from %s to %s of the run only, and what was before and after nobody knows", name,
		FormatQuantity(of.first.Seconds(), Seconds), FormatQuantity(of.last.Seconds(), Seconds))
}

// labelled is a label set as a key.
func labelled(labels map[string]string) string {
	if len(labels) == 0 {
		return ""
	}
	parts := make([]string, 0, len(labels))
	for k, v := range labels {
		parts = append(parts, fmt.Sprintf("%s=%q", k, v))
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}
