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
	Imported *Imported        // the other tool that measured it, of whose client nothing is known but its records; nil where we did
	Requests int              // in all, warm-up included
	Records  iter.Seq[Record] // in the order in which they were due
	Samples  iter.Seq[Sample]
	Warnings []Warning // gaps and oddities that do not end a run
	Stopped  Stop      // why the load ended early, if it did

	Shortfall *Shortfall // what the load lacks of what was asked for; nil where it was issued whole
	Salting   Salting    // what the server makes of cache_salt

	// Unwatched is why nothing could be read of a source ("gpu"), in one sentence.
	Unwatched map[string]string
	// Unread is why the last of a source's missing readings did not come.
	Unread map[string]string
}

// Imported is the other tool that measured a run, "GuideLLM 0.8.1", and the files that it was read from.
type Imported struct {
	By    string   `json:"by"`
	Files []string `json:"files"`
}

// A Consumer takes what a run recorded: all its samples, and then all its records, in
// the order of the run's streams. A record is lent for the call only.
type Consumer interface {
	Sample(Sample)
	Record(*Record)
}

// Each reads the streams of a run once, however many consumers there are.
func (r *Run) Each(consumers ...Consumer) {
	for s := range r.Samples {
		for _, c := range consumers {
			c.Sample(s)
		}
	}
	var record Record // one for all: a variable of each round would be an allocation
	for record = range r.Records {
		for _, c := range consumers {
			c.Record(&record)
		}
	}
}

// OtherModels is the source of what the server's metrics tell about models that were
// not asked: a gateway's page has those of all its teams.
const OtherModels = "other models"

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
	SeriesReading = "reading_seconds"     // how long a reading took
	SeriesMissing = "readings_missing"    // since the start
	SeriesAge     = "reading_age_seconds" // how old the values of a reading were, where that is not nothing
	// SeriesNoValue is 1 where a series was read whose value is none: see
	// [Reading.NoValue]. It has the labels of that series, and the two below.
	SeriesNoValue = "no_value"
)

// Labels of [SeriesNoValue], beside those of the series that has no value.
const (
	LabelSeries  = "no_value_series" // its name
	LabelReading = "no_value_reads"  // what was read: "NaN", "-1"
)
