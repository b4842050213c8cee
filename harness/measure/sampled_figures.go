package measure

import (
	"fmt"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// readings is a statistic over the readings of a gauge, which are all there are.
func (w *Sampled) readings(g metric.Gauge, statistic string) Estimate {
	of := w.Series(g.Feed, g.Series)
	t := of.tally(g)
	if void := of.void.says(g.Feed, g.Series, t.values.N(), g.Rate); void != "" {
		return without(void)
	}
	if t.values.N() == 0 {
		why, lacking := w.absent(g.Feed, g.Series, g.Absence())
		if g.Raw && lacking {
			why += w.instead(g.Series)
		}
		return without(why)
	}
	if gaps := w.gaps(g.Feed); gaps != "" {
		return without(gaps)
	}
	if lacks := w.lacks(g.Feed, g.Series, of.Readings()+of.void.inside); lacks != "" {
		return without(lacks)
	}
	e := t.summary(statistic)
	value := e.Value
	if p, ok := metric.Quantile(statistic); ok {
		value = t.values.Quantile(p, 0)
	} else if g.Rate && statistic == "mean" {
		value = of.risen / of.seconds
	}
	e = exact(value, t.values.N())
	e.Notes = w.ofPods(g.Feed)
	return e
}

// absent is why there is nothing of a series: as who was to read its feed says, or because
// the feed was read and lacks it, or else what it usually is.
func (w *Sampled) absent(feed, series string, usual metric.Absence) (why string, lacking bool) {
	if why := w.run.Unwatched[feed]; why != "" {
		return why, false
	}
	if feed == metric.Server && w.othersOnly() {
		return metric.OthersOnly, false
	}
	of := w.Feeds[feed]
	if of == nil || of.inside == 0 {
		if why := w.run.Unread[feed]; why != "" {
			return metric.UnreadBecause(feed, why), false
		}
		if feed == metric.Server {
			usual = metric.UsualAbsence(feed)
		}
		return usual.Unread, false
	}
	return usual.Lacking(series, of.inside), true
}

// othersOnly reports whether the page had the figures of engines, and all of them were of models that were not asked.
func (w *Sampled) othersOnly() bool {
	own, others := w.Feeds[metric.Server], w.Feeds[harness.OtherModels]
	return others != nil && (own == nil || !own.engine)
}

// risen is by how much a counter rose in the window, over all its label sets.
func (w *Sampled) risen(source, name string) Estimate {
	of := w.Series(source, name)
	if void := of.void.says(source, name, of.rises, true); void != "" {
		return without(void)
	}
	if of.rises == 0 {
		why, _ := w.absent(source, name, metric.UsualAbsence(source))
		return without(why)
	}
	if unread := w.unread(source); unread != "" {
		return without(unread)
	}
	e := exact(of.rise, of.rises)
	e.Notes = w.ofPods(source)
	return e
}

// shareOf is by how much one counter rose ÷ by how much another one did.
func (w *Sampled) shareOf(r metric.Ratio) Estimate {
	of, parts := w.risen(metric.Server, r.Whole), w.risen(metric.Server, r.Part)
	switch {
	case of.Reason != "":
		return of
	case parts.Reason != "":
		return parts
	case of.Value == 0:
		return without(r.Nothing)
	}
	return exact(parts.Value/of.Value, of.N)
}

// instead names a series of the server's that a name was probably meant to be; ""
// where there is none.
func (w *Sampled) instead(series string) string {
	plain, _ := metric.Selector(series)
	read := map[string]bool{}
	for s := range w.run.Samples {
		if s.Source == "server" {
			read[s.Series] = true
		}
	}
	for _, suffix := range []string{"_total", "_count"} {
		if read[plain+suffix] {
			return fmt.Sprintf("; did you mean %q?", plain+suffix)
		}
	}
	var names []string
	for name := range read {
		names = append(names, name)
	}
	slices.Sort(names)
	if near := spelling.Nearest(plain, names); near != "" && near != plain {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}
