package slo

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// measure is the metric's statistic in the window. Failed requests stand as
// infinite in quantiles, if asked for, and are left out of means and extremes.
func (m Metric) measure(w *window, statistic string, failedAreWorst bool) estimate {
	switch {
	case m.figure != nil:
		return m.figure(w)
	case m.flight:
		return w.inFlight(statistic)
	case m.counter != "":
		return w.rise(m.counter)
	case m.gauge != nil:
		return w.readings(*m.gauge, statistic)
	case m.gaps:
		return w.gaps(statistic)
	default:
		return w.distribution(m, statistic, failedAreWorst)
	}
}

// quantileOf reads "p99.9" as 0.999.
func quantileOf(statistic string) (float64, bool) {
	digits, ok := strings.CutPrefix(statistic, "p")
	if !ok {
		return 0, false
	}
	p, err := strconv.ParseFloat(digits, 64)
	return p / 100, err == nil
}

func (w *window) distribution(m Metric, statistic string, failedAreWorst bool) estimate {
	var values []float64
	failed, left := 0, 0
	for i := range w.due {
		r := &w.due[i]
		switch v, ok := m.request(r); {
		case ok:
			values = append(values, v)
		case r.Failed() || m.begins && r.Failure == harness.GivenUp:
			failed++
		case r.Failure == harness.GivenUp:
			left++
		}
	}
	if len(w.due) == 0 {
		return without(nothingDue)
	}
	if len(values) == 0 {
		return without(fmt.Sprintf("none of %d requests has a %s", len(w.due), m.Name))
	}
	slices.Sort(values)
	var notes []string
	if left > 0 && !m.ours {
		notes = append(notes, fmt.Sprintf("%s that users gave up left out", counted(left, "request")))
	}
	p, isQuantile := quantileOf(statistic)
	if !isQuantile {
		e := summary(values, statistic)
		if failed > 0 {
			notes = append(notes, fmt.Sprintf("%s without an answer left out", counted(failed, "request")))
		}
		e.notes = append(e.notes, notes...)
		return e
	}
	if failedAreWorst && !m.ours && failed > 0 {
		for range failed {
			values = append(values, math.Inf(1))
		}
		notes = append(notes, counted(failed, "request")+" without an answer counted as the worst")
	}
	return quantile(values, p, notes...)
}

func quantile(sorted []float64, p float64, notes ...string) estimate {
	e := estimate{value: stats.Quantile(sorted, p), lo: math.Inf(-1), hi: math.Inf(1), n: len(sorted), notes: notes}
	low, high := stats.Ranks(len(sorted), p, confidence)
	if low > 0 {
		e.lo = sorted[low-1]
	}
	if high > 0 {
		e.hi = sorted[high-1]
	} else {
		e.notes = append(e.notes, tooFew(len(sorted), p))
	}
	return e
}

func tooFew(n int, p float64) string {
	return fmt.Sprintf("%d more requests would give p%g an upper bound", stats.SamplesFor(p, confidence)-n, math.Round(p*1e5)/1e3)
}

// summary is a mean with its interval, or an extreme, which is a fact about this run.
func summary(sorted []float64, statistic string) estimate {
	switch statistic {
	case "min":
		return exact(sorted[0], len(sorted))
	case "max":
		return exact(sorted[len(sorted)-1], len(sorted))
	default:
		mean, lo, hi := stats.Mean(sorted, confidence)
		return estimate{value: mean, lo: lo, hi: hi, n: len(sorted)}
	}
}

// pool is the gaps of all whole answers, sorted, and the sum and number of each
// answer's. It is made once: there are as many gaps as tokens.
func (w *window) pool() (pooled, sums, counts []float64) {
	if w.pooled != nil {
		return w.pooled, w.gapSums, w.gapCounts
	}
	for i := range w.due {
		gaps := w.due[i].ITLs()
		if !w.due[i].OK() || len(gaps) == 0 {
			continue
		}
		sum := 0.0
		for _, g := range gaps {
			pooled = append(pooled, g.Seconds())
			sum += g.Seconds()
		}
		sums, counts = append(sums, sum), append(counts, float64(len(gaps)))
	}
	slices.Sort(pooled)
	w.pooled, w.gapSums, w.gapCounts = pooled, sums, counts
	return pooled, sums, counts
}

// gaps pools the gaps of all whole answers. Gaps of one answer are not
// independent of each other: the ranks of the interval are those of as many
// values as there are requests, carried over to the pooled gaps.
func (w *window) gaps(statistic string) estimate {
	pooled, sums, counts := w.pool()
	if len(pooled) == 0 {
		return without("no answer had two chunks")
	}
	n := len(sums)
	p, isQuantile := quantileOf(statistic)
	if !isQuantile {
		e := summary(pooled, statistic)
		if statistic == "mean" {
			e.value, e.lo, e.hi = stats.Ratio(sums, counts, confidence)
		}
		e.n = n
		return e
	}
	e := estimate{value: stats.Quantile(pooled, p), lo: math.Inf(-1), hi: math.Inf(1), n: n}
	low, high := stats.Ranks(n, p, confidence)
	pick := func(rank int) float64 { return pooled[min(len(pooled)-1, rank*len(pooled)/n-1)] }
	if low > 0 {
		e.lo = min(e.value, pick(low))
	}
	if high > 0 {
		e.hi = max(e.value, pick(high))
	} else {
		e.notes = append(e.notes, tooFew(n, p))
	}
	return e
}

// readings is a statistic over the readings of a gauge, which are all there are.
func (w *window) readings(g gauge, statistic string) estimate {
	at := map[time.Duration]float64{}
	for s := range w.run.Samples {
		if s.Source != g.source || s.Series != g.series || s.At < w.run.From || s.At > w.run.To {
			continue
		}
		if before, ok := at[s.At]; ok && g.most {
			at[s.At] = max(before, s.Value)
		} else {
			at[s.At] = before + s.Value
		}
	}
	if len(at) == 0 {
		return without(g.absent)
	}
	values := make([]float64, 0, len(at))
	sum := 0.0
	for _, v := range at {
		values = append(values, v)
	}
	slices.Sort(values)
	for _, v := range values {
		sum += v
	}
	if p, ok := quantileOf(statistic); ok {
		return exact(stats.Quantile(values, p), len(values))
	}
	if statistic == "mean" {
		return exact(sum/float64(len(values)), len(values))
	}
	return summary(values, statistic)
}

// rise is by how much a counter rose in the window, over all its label sets. A
// counter that falls was reset: it has risen from zero.
func (w *window) rise(series string) estimate {
	last := map[string]float64{}
	total, n := 0.0, 0
	for s := range w.run.Samples {
		if s.Source != "server" || s.Series != series {
			continue
		}
		key := fmt.Sprint(s.Labels) // prints maps sorted by key
		before, seen := last[key]
		last[key] = s.Value
		if !seen || s.At <= w.run.From {
			continue
		}
		n++
		if s.Value >= before {
			total += s.Value - before
		} else {
			total += s.Value
		}
	}
	if n == 0 {
		return without("the server's metrics could not be read: set VLLM_METRICS_URL to where they are")
	}
	return exact(total, n)
}

func hitRate(w *window) estimate {
	queries, hits := w.rise("vllm:prefix_cache_queries_total"), w.rise("vllm:prefix_cache_hits_total")
	switch {
	case queries.reason != "":
		return queries
	case hits.reason != "":
		return hits
	case queries.value == 0:
		return without("the server looked nothing up in its prefix cache")
	}
	return exact(hits.value/queries.value, queries.n)
}

// counted is "1 request", "2 requests".
func counted(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return grouped(n) + " " + of + "s"
}
