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
	sources  map[string]*source
}

// A source is how often something was read.
type source struct {
	first, last time.Duration // since the start of the run
	inside      int           // readings inside the window, all series of one instant counting as one
}

// A series is one over all its label sets.
type series struct {
	sums, mosts tally // of the readings inside the window: the sum over the label sets, the greatest of them
	begin, end  point // the first and the last of them
	now         point // being added up
	most        float64
	pending     bool

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
	w := &watched{run: run, from: run.From, to: run.To, series: map[string]*series{}, sources: map[string]*source{}}
	for _, m := range Metrics() {
		w.keep(m)
	}
	for _, o := range run.Scenario.Objectives {
		if m, err := Lookup(o.Metric); err == nil {
			w.keep(m)
		}
	}
	for _, name := range []string{"vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total",
		"vllm:spec_decode_num_draft_tokens_total", "vllm:spec_decode_num_accepted_tokens_total"} {
		w.ask("server", name)
	}
	w.ask("host", "cpu_steal_ratio")
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
		w.ask("server", m.counter)
	}
}

func key(source, name string) string { return source + " " + name }

// ask wants a series to be taken from now on.
func (w *watched) ask(source, name string) *series {
	k := key(source, name)
	if w.series[k] == nil {
		w.series[k] = &series{last: map[string]float64{}}
	}
	return w.series[k]
}

func (w *watched) take(s harness.Sample) {
	of := w.sources[s.Source]
	if of == nil {
		of = &source{first: s.At, last: harness.Never}
		w.sources[s.Source] = of
	}
	if s.At != of.last && s.At >= w.from && s.At <= w.to {
		of.inside++
	}
	of.last = s.At
	if of := w.series[key(s.Source, s.Series)]; of != nil {
		of.take(s, w)
	}
}

// of is a series; one that nobody had asked for is read now.
func (w *watched) of(source, name string) *series {
	of := w.series[key(source, name)]
	if of == nil {
		of = w.ask(source, name)
		for s := range w.run.Samples {
			if s.Source == source && s.Series == name {
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
	labels := labelled(s.Labels)
	before, seen := of.last[labels]
	of.last[labels] = s.Value
	if first := w.sources[s.Source]; (seen || first != nil && s.At > first.first) && s.At > w.from {
		of.rises++
		of.rise += s.Value
		if s.Value >= before {
			of.rise -= before
		}
	}
	if s.At < w.from || s.At > w.to {
		return
	}
	if of.pending && of.now.at == s.At {
		of.now.v += s.Value
		of.most = max(of.most, s.Value)
		return
	}
	of.add()
	of.now, of.most, of.pending = point{s.At, s.Value}, s.Value, true
}

// add is for when all of an instant has come.
func (of *series) add() {
	if !of.pending {
		return
	}
	of.pending = false
	if of.sums.values.N() == 0 {
		of.begin = of.now
	}
	of.end = of.now
	of.sums.add(of.now.v)
	of.mosts.add(of.most)
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

// coverageLeast is the share of the client's own readings beside which a source
// must have been read for its figures to stand.
const coverageLeast = 0.90

// gaps says that a source was not read often enough, compared with the client's own
// gauges, which always are; "" where it was. A server's metrics time out just when
// it is overloaded.
func (w *watched) gaps(name string) string {
	own, of := w.sources["client"], w.sources[name]
	if own == nil || of == nil || own.inside-of.inside <= 2 || float64(of.inside) >= coverageLeast*float64(own.inside) {
		return ""
	}
	return fmt.Sprintf("only %s of %s readings of the %s came, and what was between them nobody knows", grouped(of.inside), grouped(own.inside), name)
}

// unread says that a counter was not read at both ends of the window; "" where it
// was. What it did between them is in the difference.
func (w *watched) unread(name string) string {
	own, of := w.sources["client"], w.sources[name]
	const late = time.Second // of a scrape, or its time-out
	if own == nil || of == nil || of.first <= max(w.from, own.first)+late && of.last+late >= min(w.to, own.last) {
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
