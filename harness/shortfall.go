package harness

import (
	"fmt"
	"time"
)

// A ShortfallCause says what ended a load before it had issued what was asked for.
type ShortfallCause string

// The causes of a shortfall.
const (
	ArrivalsEnded ShortfallCause = "arrivals ended" // a trace, or stages whose rate goes to zero
	DatasetEnded  ShortfallCause = "dataset ended"
	DatasetFailed ShortfallCause = "dataset failed" // a file could not be read any more
	OutOfTime     ShortfallCause = "out of time"    // that the run had
)

// A Shortfall is a load that issued less than the scenario asks for. What was measured is
// another load than the one that was written, so no verdict can rest on it.
type Shortfall struct {
	Cause   ShortfallCause `json:"cause"`
	Issued  int            `json:"issued"`             // requests
	Asked   int            `json:"asked,omitempty"`    // requests; 0: the load is bounded by time
	Lasted  time.Duration  `json:"lasted_ns"`          // until the last request was due
	For     time.Duration  `json:"for_ns,omitempty"`   // of the load; 0: it is bounded by a count
	Users   int            `json:"users,omitempty"`    // of a closed loop: those that ended early
	Error   string         `json:"error,omitempty"`    // what the dataset said, where it failed
	Process string         `json:"arrivals,omitempty"` // that ended, in words
	Ahead   bool           `json:"foreseen,omitempty"` // found before the load: Issued and Lasted are what will be
}

// Ending is an arrival process that may end by itself.
type Ending interface {
	// Ends is after about how many requests and after how long it ends; ok is false where
	// it goes on for ever.
	Ends() (requests int, after time.Duration, ok bool)
}

// Foreseen is the shortfall that is known before the load; nil where there is none.
// A later turn of a conversation is a request too, so that of a counted load nothing
// is known where conversations have several.
func (o Open) Foreseen(severalTurns bool) *Shortfall {
	process, ok := o.Arrivals.(Ending)
	if !ok {
		return nil
	}
	requests, after, ends := process.Ends()
	short := o.For > 0 && after < o.For || o.Requests > 0 && requests < o.Requests && !severalTurns
	if !ends || !short {
		return nil
	}
	return &Shortfall{Cause: ArrivalsEnded, Issued: requests, Asked: o.Requests, Lasted: after, For: o.For, Process: fmt.Sprint(o.Arrivals), Ahead: true}
}

// lasts reports whether arrivals that have ended, with the last request due just before
// until, were all that a load of this length asks for.
func (o Open) lasts(until time.Duration) bool {
	process, ok := o.Arrivals.(Ending)
	if !ok {
		return until >= o.For
	}
	_, after, _ := process.Ends()
	return max(until, after) >= o.For
}

// fallShort notes that the load ended early. Of several causes the first one stays; each
// user of a closed loop that ended early counts.
func (l *load) fallShort(s Shortfall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.short == nil {
		l.short = &s
		return
	}
	l.short.Users += s.Users
	if l.short.Cause == DatasetEnded && s.Cause == DatasetFailed { // it says more
		l.short.Cause, l.short.Error = s.Cause, s.Error
	}
}

// shortfall is what the load lacks once every request has ended; nil where it was as it
// was asked for. One that was stopped ended early for another reason.
func (l *load) shortfall() *Shortfall {
	s := l.short
	if s == nil || l.abandoned != "" {
		return nil
	}
	s.Issued, s.Lasted = int(l.issued.Load()), l.issuedUntil
	switch load := l.scenario.Load.(type) {
	case Open:
		s.Asked, s.For = load.Requests, load.For
	case Closed:
		s.Asked, s.For = load.Requests, load.For
	}
	if s.For == 0 && s.Issued >= s.Asked {
		return nil // later turns of conversations made up for it
	}
	if s.For == 0 && s.Cause == ArrivalsEnded {
		l.warn("the arrivals ended after %d of %d requests", s.Issued, s.Asked)
	}
	return s
}
