package trace

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// A unit is that of a trace's instants, where they are plain numbers.
type unit struct {
	name string
	of   time.Duration
}

var (
	milliseconds = unit{"milliseconds", time.Millisecond} // Mooncake's
	plainSeconds = unit{"seconds", time.Second}           // BurstGPT's
)

// A stamp is an instant that is a number, and its line.
type stamp struct {
	at   float64
	line int64
}

// stamps are what of the instants of a trace tells of their unit.
type stamps struct {
	unit          unit
	n             int64
	first, second stamp
	last          float64 // the latest
	fractional    stamp   // the first that is no whole number; line 0: none is
}

func (s *stamps) add(at float64, line int64) {
	switch s.n {
	case 0:
		s.first, s.last = stamp{at, line}, at
	case 1:
		s.second = stamp{at, line}
	}
	if s.fractional.line == 0 && at != math.Trunc(at) {
		s.fractional = stamp{at, line}
	}
	s.n, s.last = s.n+1, max(s.last, at)
}

// join adds the instants that come after so many lines.
func (s *stamps) join(next *stamps, lines int64) {
	for _, at := range []stamp{next.first, next.second} {
		if at.line == 0 || s.n > 1 {
			break
		}
		s.add(at.at, at.line+lines)
		next.n--
	}
	s.n, s.last = s.n+next.n, max(s.last, next.last)
	if s.fractional.line == 0 && next.fractional.line > 0 {
		s.fractional = stamp{next.fractional.at, next.fractional.line + lines}
	}
}

// tooFar is that an instant lies too far from the first for any trace: it is in another unit.
func (f *layout) tooFar(at float64) error {
	first := f.first.float()
	return fmt.Errorf("the timestamp is %s, and that of the first request is %s: read as %s they lie %s apart, which is no trace; write %s",
		plain(at), plain(first), f.unit.name, days(math.Abs(at-first)*float64(f.unit.of)), f.unit.name)
}

// longestTrace is longer than any trace that was recorded.
const longestTrace = 20 * 365 * 24 * time.Hour

// epochs are the least values that instants since 1970 have, in units that are not
// milliseconds: those of the year 2008.
var epochs = []epoch{
	{1.2e18, 4e18, unit{"nanoseconds", time.Nanosecond}, 1e-6},
	{1.2e15, 4e15, unit{"microseconds", time.Microsecond}, 1e-3},
	{1.2e9, 4e9, plainSeconds, 1e3},
}

// An epoch is a range of instants since 1970 in a unit.
type epoch struct {
	least, most float64
	unit        unit
	inMilli     float64
}

// sinceEpoch is the unit of an instant that is one since 1970; nil where it is not, or in
// milliseconds.
func sinceEpoch(at float64) *epoch {
	for i := range epochs {
		if e := &epochs[i]; at >= e.least && at <= e.most {
			return e
		}
	}
	return nil
}

// refuse is that an instant which should be in milliseconds is one since 1970 in the unit.
func (e *epoch) refuse(at float64) error {
	return fmt.Errorf("the timestamp is %s, which are %s since 1970; a trace in this form has milliseconds: write %s, or milliseconds since its beginning",
		plain(at), e.unit.name, plain(math.Trunc(at*e.inMilli)))
}

// The bounds of what a trace is likely to be.
const (
	fewStamps       = 3    // that tell nothing of a rate
	fastest         = 1000 // requests per second
	fastestFraction = 200  // where instants have fractions of a unit
	slowest         = 100  // s between two requests
)

// doubt says that the instants give an absurd rate in their unit, and in which unit they
// would not; nil where the rate is one that a trace may have.
func (s *stamps) doubt() error {
	span := (s.last - s.first.at) * s.unit.of.Seconds()
	if s.n <= fewStamps || span <= 0 || sinceEpoch(s.first.at) != nil {
		return nil
	}
	rate := float64(s.n-1) / span
	line := s.second.line
	var likely string
	switch {
	case s.unit == milliseconds && (rate > fastest || s.fractional.line > 0 && rate > fastestFraction):
		likely = fmt.Sprintf("they look like seconds, %.3g per second: write milliseconds (%s)", rate/1000, plain(s.second.at*1000))
		if s.fractional.line > 0 {
			line = s.fractional.line
			likely = fmt.Sprintf("they look like seconds, %.3g per second: write milliseconds (%s)", rate/1000, plain(s.fractional.at*1000))
		}
	case s.unit == milliseconds && 1/rate > slowest:
		likely = fmt.Sprintf("they look like microseconds, %.3g per second: write milliseconds (%s)", rate*1e3, plain(s.second.at/1e3))
		if rate*1e3 < 1/float64(slowest) {
			likely = fmt.Sprintf("they look like nanoseconds, %.3g per second: write milliseconds (%s)", rate*1e6, plain(s.second.at/1e6))
		}
	case s.unit == plainSeconds && 1/rate > slowest:
		likely = fmt.Sprintf("they look like milliseconds, %.3g per second: write seconds (%s)", rate*1e3, plain(s.second.at/1e3))
	default:
		return nil
	}
	return source.AtLine(line, fmt.Errorf("read as %s, the timestamps are those of %d requests in %s, %s per second on average; %s, or say the rate: requests arrive as in the trace \"…\" at 5 per second",
		s.unit.name, s.n, roughSpan(span), digits(rate), likely))
}

// digits is a number to three digits, without an exponent.
func digits(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// plain is a number without an exponent.
func plain(v float64) string {
	if v == math.Trunc(v) {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.6g", v)
}

func days(ns float64) string { return fmt.Sprintf("%.3g days", ns/float64(24*time.Hour)) }

// roughSpan is a length of time for people.
func roughSpan(seconds float64) string {
	switch {
	case seconds < 1:
		return fmt.Sprintf("%.3g ms", seconds*1000)
	case seconds < 600:
		return fmt.Sprintf("%.3g s", seconds)
	case seconds < 2*24*3600:
		return fmt.Sprintf("%.3g hours", seconds/3600)
	}
	return fmt.Sprintf("%.3g days", seconds/24/3600)
}

// Units says that the instants give an absurd rate in the unit that they were read in; nil
// where they do not, or where the rate is said beside the trace and they need none.
func (d Trace) Units() error {
	if d.doubt == nil {
		return nil
	}
	return source.InFile(d.Name, d.doubt)
}

// Remarks are what a reader should know of the trace: its rate, how it was read, and how
// much of it is left out.
func (d Trace) Remarks() []string {
	n := d.count()
	if n == 0 {
		return nil
	}
	span := d.Last().Seconds()
	rate := ", all at one instant"
	if span > 0 {
		rate = fmt.Sprintf(" in %s, %s per second on average", roughSpan(span), digits(float64(n-1)/span))
	}
	sample := ""
	if d.Sample {
		sample = " (a sample that comes along, not your traffic)"
	}
	said := fmt.Sprintf("trace %q%s: %d requests%s", d.Name, sample, n, rate)
	if d.Block > 0 && d.Block != pieceTokens {
		said += fmt.Sprintf("; each of its hash_ids names %d tokens, by how many there are of each prompt", d.Block)
	}
	return append([]string{said}, d.Warnings()...)
}

// Warnings are those of them that belong to the warnings of a run.
func (d Trace) Warnings() (out []string) {
	if d.file == nil {
		return nil
	}
	out = append(slices.Clone(d.file.notes), d.file.facts.left.Remark(d.Name, "requests")...)
	if d.file.facts.behind > 0 {
		out = append(out, fmt.Sprintf("%s: its rows are not in the order of their instants, by up to %s; they are sorted", d.Name, roughSpan(d.file.facts.behind.Seconds())))
	}
	return out
}
