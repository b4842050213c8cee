package harness

import (
	"iter"
	"time"
)

// A Run is what is known once a load has ended. Its streams can be read again
// and again; they come from memory or from a stored file.
type Run struct {
	Scenario Scenario
	Start    time.Time        // wall clock at the start of the run
	Length   time.Duration    // from the start to the end of the last request
	From, To time.Duration    // the measured window: warm-up over, load over
	Virtual  bool             // ran on a virtual clock: the host's figures mean nothing
	Requests int              // in all, warm-up included
	Records  iter.Seq[Record] // in the order in which they were due
	Samples  iter.Seq[Sample]
	Warnings []string // gaps and oddities that do not end a run
	Stopped  string   // why the load ended early; "" when it did not

	// Unwatched is why nothing could be read of a source ("gpu"), in one sentence.
	Unwatched map[string]string
}

// A Figure is one number of a run, as benchmark lines and reports give it.
type Figure struct {
	Name  string  `json:"name"` // "p99 TTFT"
	Unit  string  `json:"unit"` // "s", "ratio", "/s", "tokens/s", "count"
	Value float64 `json:"value"`
}

// Series that the runner itself samples, under the source "client".
const (
	SeriesInFlight        = "requests_in_flight"
	SeriesInFlightSeconds = "requests_in_flight_seconds" // the integral of it since the start
	SeriesIssued          = "requests_issued"
	SeriesFailed          = "requests_failed"
	SeriesBacklog         = "requests_due_unsent"
	SeriesUnanswered      = "requests_due_unanswered"
	SeriesStalled         = "stalled_seconds"      // in which nothing of us could run, since the start
	SeriesWakeUpLate      = "wake_up_late_seconds" // the latest that a sleep ended since the reading before
)

// Series about the watching itself, under the source "watch". Their label "of" is
// the source that was read.
const (
	SeriesReading = "reading_seconds"  // how long a reading took
	SeriesMissing = "readings_missing" // since the start
)
