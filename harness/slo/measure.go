package slo

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// An estimate is a figure, the interval in which its true value lies, and how
// many requests or readings it rests on.
type estimate struct {
	value, lo, hi float64
	n             int
	effective     float64 // so many independent ones; 0 where that is no question
	unit          float64 // of a share: what it is multiplied by
	left          int     // requests of which it is not known how long they would have taken
	here          span64  // the interval for requests as this run had them; lo and hi are for those of any run
	census        bool    // a fact about this run: judged by its value alone
	reason        string  // why there is none
	open          string  // what would have to be known to decide, where no longer run would tell
	notes         []string
}

// A span64 is an interval.
type span64 struct{ lo, hi float64 }

func exact(value float64, n int) estimate {
	return estimate{value: value, lo: value, hi: value, n: n, census: true}
}

func without(reason string) estimate {
	return estimate{value: math.NaN(), lo: math.NaN(), hi: math.NaN(), reason: reason}
}

const nothingDue = "no request was due in the measured window: make the load longer"

// measure is the metric's statistic in the window. Failed requests stand as
// infinite in quantiles, if asked for, and are left out of means and extremes.
func (m Metric) measure(w *Window, statistic string, failedAreWorst bool) estimate {
	switch {
	case m.Figure != nil:
		return m.Figure(w)
	case m.Flight:
		return w.inFlight(statistic)
	case m.counter != "":
		return w.risen(m.counts(), m.counter)
	case m.buckets != "":
		return w.bucketed(m.buckets, statistic)
	case m.gauge != nil:
		return w.readings(*m.gauge, statistic)
	case m.Gaps != nil && failedAreWorst && w.noneAnswered():
		return neverCame(w.failed)
	case m.Gaps != nil:
		return m.Gaps(w).measure(w, statistic)
	default:
		return w.distribution(m, w.figure(m.Name).tally, statistic, failedAreWorst)
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

func (w *Window) distribution(m Metric, t *tally, statistic string, failedAreWorst bool) estimate {
	switch {
	case w.Due == 0:
		return without(nothingDue)
	case !m.ours && t.waits.N() > 0:
		return w.withCut(t, statistic, failedAreWorst)
	case t.values.N() == 0 && m.Unit == quantity.Seconds && !m.ours && failedAreWorst && w.noneAnswered():
		return neverCame(w.failed)
	case t.values.N() == 0:
		return without(fmt.Sprintf("none of %d requests has a %s", w.Due, m.Name))
	}
	worst, left := 0, 0
	var notes []string
	if !m.ours && failedAreWorst {
		worst = t.failed
	}
	if !m.ours {
		left = t.left
	}
	p, isQuantile := quantileOf(statistic)
	var e estimate
	if isQuantile {
		e = t.quantile(worst, left, p)
	} else {
		e = t.summary(statistic)
		if worst+left > 0 && statistic != "min" {
			e.hi, e.here.hi, e.census = math.Inf(1), math.Inf(1), false // that of the others would flatter
		}
		if worst > 0 && statistic == "max" {
			e.value, e.lo, e.here.lo = e.hi, e.hi, e.hi
		}
		if worst > 0 && statistic == "mean" {
			e.open = fmt.Sprintf("%s without an answer had no %s, and a mean cannot count it: ask for a percentile, and for the error rate", quantity.Counted(worst, "request"), m.Name)
		}
	}
	switch {
	case worst > 0 && (isQuantile || statistic == "max"):
		notes = append(notes, quantity.Counted(t.failed, "request")+" without an answer counted as the worst")
	case t.failed > 0 && !m.ours:
		notes = append(notes, fmt.Sprintf("%s without an answer left out", quantity.Counted(t.failed, "request")))
	}
	if left > 0 {
		notes = append(notes, fmt.Sprintf("how long %s that users gave up would have taken is not known", quantity.Counted(left, "request")))
	}
	e.notes, e.left = append(e.notes, notes...), left
	return e
}

// quantile is that of the values and of so many more that are infinite. Of others
// that would have had a value, had their users not left, it is unknown: the upper
// end counts them as infinite, and the lower one as nothing.
func (t *tally) quantile(infinite, left int, p float64) estimate {
	n := t.values.N() + infinite + left
	e := estimate{value: t.values.Quantile(p, infinite), lo: math.Inf(-1), hi: math.Inf(1), n: t.values.N() + infinite}
	e.effective = float64(n) * t.order.EffectiveSize(p) / float64(t.order.N())
	between := func(effective float64) span64 {
		s := span64{math.Inf(-1), math.Inf(1)}
		low, high := stats.Ranks(n, effective, p, Confidence)
		if low > left {
			s.lo = t.values.Rank(low - left)
		}
		if high > 0 {
			s.hi = t.values.Rank(high)
		}
		return s
	}
	e.lasts(between(e.effective), between(float64(n)))
	return e
}

// run is the interval of this run.
func (e estimate) run() span64 {
	if e.here == (span64{}) {
		return span64{e.lo, e.hi}
	}
	return e.here
}

// lasts sets the interval of any run, and that of this one.
func (e *estimate) lasts(any, here span64) { e.lo, e.hi, e.here = any.lo, any.hi, here }

// more is so many more requests, and how long they take.
func (w *Window) more(n float64) string {
	requests := roundUp(n)
	more := fmt.Sprintf("%s more requests", quantity.Grouped(requests))
	if w.Due == 0 || w.Seconds() <= 0 || w.soFar {
		return more
	}
	return more + fmt.Sprintf(", %s at this rate,", quantity.Roughly(float64(requests)/float64(w.Due)*w.Seconds()))
}

// roundUp to two digits.
func roundUp(n float64) int {
	unit := math.Pow(10, math.Max(0, math.Floor(math.Log10(math.Max(1, n)))-1))
	return int(math.Ceil(n/unit) * unit)
}

// dependence says that requests tell less than as many independent ones would; ""
// where they do not.
func (e estimate) dependence() string {
	if e.effective == 0 || e.effective > float64(e.n)/2 {
		return ""
	}
	as := quantity.Grouped(int(e.effective)) + " independent ones"
	if int(e.effective) <= 1 {
		as = "a single one"
	}
	return fmt.Sprintf(" (neighbours resemble each other: these %s tell as much as %s)", quantity.Counted(e.n, "request"), as)
}

// summary is a mean with its interval, or an extreme, which is a fact about this run.
func (t *tally) summary(statistic string) estimate {
	n := t.values.N()
	switch statistic {
	case "min":
		return exact(t.values.Rank(1), n)
	case "max":
		return exact(t.values.Rank(n), n)
	default:
		effective := float64(n)
		if t.order.N() > 0 {
			effective *= t.order.EffectiveSizeOfMean() / float64(t.order.N())
		}
		return meanOf(n, effective, t.mean.Interval)
	}
}

func meanOf(n int, effective float64, interval func(effective, confidence float64) (mean, lo, hi float64)) estimate {
	e := estimate{n: n, effective: effective}
	e.value, e.lo, e.hi = interval(effective, Confidence)
	_, e.here.lo, e.here.hi = interval(float64(n), Confidence)
	return e
}

// measure pools the gaps of all whole answers. Gaps of one answer are not
// independent of each other: the ranks of the interval are those of as many
// values as there are requests, carried over to the pooled gaps.
func (g *gaps) measure(w *Window, statistic string) estimate {
	n, pooled := g.mean.N, g.N()
	if pooled == 0 {
		return without("no answer had two chunks, or of this one the server does not tell how many tokens they hold")
	}
	p, isQuantile := quantileOf(statistic)
	switch {
	case statistic == "mean":
		effective := g.means.EffectiveSizeOfMean()
		return meanOf(n, effective, g.mean.Interval)
	case statistic == "min":
		return exact(g.Rank(1), n)
	case !isQuantile:
		return exact(g.Rank(pooled), n)
	}
	e := estimate{value: g.Quantile(p, 0), lo: math.Inf(-1), hi: math.Inf(1), n: n}
	e.effective = g.groups.EffectiveSize(e.value, p)
	between := func(effective float64) span64 {
		s := span64{math.Inf(-1), math.Inf(1)}
		low, high := stats.Ranks(n, effective, p, Confidence)
		if low > 0 {
			s.lo = min(e.value, g.Rank(min(pooled, low*pooled/n)))
		}
		if high > 0 {
			s.hi = max(e.value, g.Rank(min(pooled, high*pooled/n)))
		}
		return s
	}
	e.lasts(between(e.effective), between(float64(n)))
	return e
}

// readings is a statistic over the readings of a gauge, which are all there are.
func (w *Window) readings(g gauge, statistic string) estimate {
	of := w.watched.of(g.source, g.series)
	t := of.tally(g)
	if void := of.void.says(g.source, g.series, t.values.N(), g.rate); void != "" {
		return without(void)
	}
	if t.values.N() == 0 {
		why := w.absent(g.source, g.series, g.absent)
		if g.raw && why == g.absent {
			why += w.instead(g.series)
		}
		return without(why)
	}
	if gaps := w.watched.gaps(g.source); gaps != "" {
		return without(gaps)
	}
	if lacks := w.watched.lacks(g.source, g.series, of.readings()+of.void.inside); lacks != "" {
		return without(lacks)
	}
	e := t.summary(statistic)
	value := e.value
	if p, ok := quantileOf(statistic); ok {
		value = t.values.Quantile(p, 0)
	} else if g.rate && statistic == "mean" {
		value = of.risen / of.seconds
	}
	e = exact(value, t.values.N())
	e.notes = w.watched.ofPods(g.source)
	return e
}

// absent is why there is nothing of a series: as who was to read its source says, or
// because the source does not tell it, or else what it usually is.
func (w *Window) absent(source, series, usually string) string {
	if why := w.Run.Unwatched[source]; why != "" {
		return why
	}
	of := w.watched.sources[source]
	if of == nil || of.inside == 0 {
		if why := w.Run.Unread[source]; why != "" {
			return unreadBecause(source, why)
		}
		if source == "server" {
			return noMetrics
		}
		return usually
	}
	switch usually {
	case noMetrics:
		return "the server's metrics were read, but do not have " + series
	case noGPU:
		return "the GPUs were read, but they, their driver or their exporter do not tell " + series
	case noHost:
		return "this machine was read, but does not tell " + series
	}
	return usually
}

// unreadBecause says of a source that it was never read, and what came instead.
func unreadBecause(source, why string) string {
	switch source {
	case "server":
		return "the server's metrics could not be read: " + why
	case "gpu":
		return "no GPU could be read: " + why
	}
	return "the " + source + " could not be read: " + why
}

// risen is by how much a counter rose in the window, over all its label sets.
func (w *Window) risen(source, name string) estimate {
	of := w.watched.of(source, name)
	if void := of.void.says(source, name, of.rises, true); void != "" {
		return without(void)
	}
	if of.rises == 0 {
		return without(w.absent(source, name, map[string]string{"server": noMetrics, "gpu": noGPU}[source]))
	}
	if unread := w.watched.unread(source); unread != "" {
		return without(unread)
	}
	e := exact(of.rise, of.rises)
	e.notes = w.watched.ofPods(source)
	return e
}

// shareOf is by how much one counter rose ÷ by how much another one did.
func (w *Window) shareOf(part, all, none string) estimate {
	of, parts := w.risen("server", all), w.risen("server", part)
	switch {
	case of.reason != "":
		return of
	case parts.reason != "":
		return parts
	case of.value == 0:
		return without(none)
	}
	return exact(parts.value/of.value, of.n)
}
