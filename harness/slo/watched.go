package slo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// watched is what was sampled beside the load, of the series that somebody asks
// for.
type watched struct {
	run      *harness.Run
	from, to time.Duration
	series   map[string]*series
}

// A series is one over all its label sets.
type series struct {
	at        []time.Duration // of readings inside the window
	sum, most []float64       // over the label sets, at each
	last      map[string]float64
	rise      float64 // since the window began, until the end of the run
	rises     int     // readings that it rests on
}

func newWatched(run *harness.Run) *watched {
	w := &watched{run: run, from: run.From, to: run.To, series: map[string]*series{}}
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
	for _, name := range []string{harness.SeriesInFlightSeconds, harness.SeriesStalled, harness.SeriesWakeUpLate, "process_cpu_seconds", "cpus_available",
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
	if of := w.series[key(s.Source, s.Series)]; of != nil {
		of.take(s, w.from, w.to)
	}
}

// of is a series; one that nobody had asked for is read now.
func (w *watched) of(source, name string) *series {
	if of := w.series[key(source, name)]; of != nil {
		return of
	}
	of := w.ask(source, name)
	for s := range w.run.Samples {
		if s.Source == source && s.Series == name {
			of.take(s, w.from, w.to)
		}
	}
	return of
}

// take takes a reading. A counter that falls was reset: it has risen from zero.
func (of *series) take(s harness.Sample, from, to time.Duration) {
	labels := labelled(s.Labels)
	before, seen := of.last[labels]
	of.last[labels] = s.Value
	if seen && s.At > from {
		of.rises++
		of.rise += s.Value
		if s.Value >= before {
			of.rise -= before
		}
	}
	if s.At < from || s.At > to {
		return
	}
	if n := len(of.at); n > 0 && of.at[n-1] == s.At {
		of.sum[n-1] += s.Value
		of.most[n-1] = max(of.most[n-1], s.Value)
		return
	}
	of.at, of.sum, of.most = append(of.at, s.At), append(of.sum, s.Value), append(of.most, s.Value)
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
