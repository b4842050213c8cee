package measure

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// silenceMost is the share of the measured time for which a source may not have been
// read: with more of it missing, its figures are not known. Time is counted, not tries: a
// source that does not answer is tried more and more seldom.
const silenceMost = 0.10

// A silence is the time for which a source was not read.
type silence struct {
	failed bool          // a reading did not come since the last that did
	known  bool          // it is reported what did not come
	sum    time.Duration // of silences that have ended, inside the window
}

// until ends the silence since the last reading, which stood for one period.
func (s *silence) until(at, last, period, from, to time.Duration) {
	begin := from
	if last != harness.NoTime {
		begin = max(from, last+period)
	}
	// Where nothing is reported of what did not come, readings that are far apart say so.
	apart := !s.known && period > 0 && min(at, to)-begin > period/2
	if s.failed || apart {
		s.sum += max(0, min(at, to)-begin)
	}
	s.failed = false
}

// period is how long after another a reading is due: as long as between the client's own
// gauges, which always are read.
func (w *Sampled) period() time.Duration {
	if own := w.Feeds["client"]; own != nil {
		return own.longest
	}
	return 0
}

// silent is for how long a source was not read in the window, of how long. A run that goes
// on is over for now where the client's own gauges were read last.
func (w *Sampled) silent(of *Feed) (silent, measured time.Duration) {
	to := w.to
	if own := w.Feeds["client"]; own != nil {
		to = min(to, own.last)
	}
	unread := of.silence
	unread.until(to, of.last, w.period(), w.from, to)
	return unread.sum, to - w.from
}

// gaps says that a source was not read for too long; "" where it was. A server's metrics
// time out just when it is overloaded.
func (w *Sampled) gaps(name string) string {
	if of := w.firstOf(func(part *Sampled) string { return part.gaps(name) }); of != "" {
		return of
	}
	of := w.Feeds[name]
	if of == nil || name == "client" {
		return ""
	}
	silent, measured := w.silent(of)
	if measured <= 0 || silent.Seconds() <= silenceMost*measured.Seconds() {
		return ""
	}
	return fmt.Sprintf("the %s was not read for %s of the %s that were measured, and what it did then is not known%s", name,
		quantity.Format(silent.Seconds(), quantity.Seconds), quantity.Format(measured.Seconds(), quantity.Seconds), w.lastUnread(name))
}

// lacks says that a series was not there in enough of the readings of its source; "" where
// it was. Of those that the source gave, so many had it. Several samplers may give readings of
// one source, at instants of their own: how many there were is what was reported of its own.
func (w *Sampled) lacks(source, name string, had int) string {
	const few = 2 // may lack it in a short run
	of := w.Feeds[source]
	if of == nil {
		return ""
	}
	given := of.took.values.N() - of.Missing
	if had+few >= given || float64(had) >= (1-silenceMost)*float64(given) {
		return ""
	}
	return fmt.Sprintf("only %s of %s readings of the %s had %s, and what it was then is not known", quantity.Grouped(had), quantity.Grouped(given), source, name)
}
