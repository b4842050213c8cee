package metric

import (
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// A Source says how a metric is measured. It is one of the types of this file, and who
// measures switches over them.
type Source interface{ source() }

// A PerRequest source gives one value of each request: a [Latency], a [LongestGap], an
// [OwnTime] or a [RequestCount].
type PerRequest interface {
	Source
	// Value is that of a request, if it has one that counts.
	Value(r *harness.Record) (float64, bool)
	// Shown is what there is of it to look at, also of a request that failed.
	Shown(r *harness.Record) (float64, bool)
	// Stored is the value as an expression over the columns of requests.parquet.
	Stored() string
	// StoredShown is what is shown, as such an expression.
	StoredShown() string
}

// A Latency is the time from one instant of a request to another, in seconds. The instants
// decide all else about it: one that begins when the request was due contains the client's own
// lateness, and one that ends with the first content exists as soon as an answer has begun.
type Latency struct {
	From, To Instant
	Per      Per // what the time is divided by
}

// A Per is what the time of a request is divided by.
type Per int

// The divisors.
const (
	Undivided   Per = iota // nothing
	OutputToken            // output tokens, as the server counted them
	LaterToken             // output tokens after the first one
	Input                  // inputs, of a request that is pooled
	ClipSecond             // seconds of the clip that is transcribed
)

// LongestGap is the longest time between two successive chunks of one answer.
type LongestGap struct{}

// Gap is the time between two successive chunks of content: of all whole answers together.
type Gap struct {
	PerToken bool // divided by the tokens in the second chunk, once for each of them
}

// An OwnTime is what the client itself took for a request. It says nothing of the server.
type OwnTime struct {
	Of     func(*harness.Record) time.Duration // Never where there was none
	Column string                              // of requests.parquet, in nanoseconds
}

// A RequestCount is how many tokens or chunks a request had. No speed of the server
// changes it.
type RequestCount struct {
	Of       func(*harness.Record) int // Unreported where it is not known
	ByServer bool                      // the server counts it
	Column   string                    // of requests.parquet, or an expression over its columns
}

// A Total is how much there was of something in the measured window.
type Total struct {
	Of        Amount
	PerSecond bool // divided by the window's length
}

// An Amount is something that is counted over the measured window. The zero Amount is none.
type Amount int

// The amounts.
const (
	Due          Amount = iota + 1 // requests that were due in it
	Ended                          // answers that ended whole in it
	OutputTokens                   // output tokens that arrived in it
	Good                           // good requests among those that were due in it
	Inputs                         // inputs of whole answers that ended in it
	PromptTokens                   // prompt tokens of whole answers that ended in it
	ClipSeconds                    // seconds of the clips of whole answers that ended in it
)

// ErrorRate is the share of the requests due that failed.
type ErrorRate struct{}

// ValidAnswers is the share of checked answers in which no check found anything.
type ValidAnswers struct{}

// Coalesced is the share of chunks that share the stamp of the one before.
type Coalesced struct{}

// Attainment is the share of the requests due that were good.
type Attainment struct {
	PerSecond bool // times the rate of requests: goodput
}

// Concurrency is how many requests were in flight.
type Concurrency struct{}

// Energy is what the server's GPUs took in the window.
type Energy struct {
	Per Amount // divided by that, if any
}

// The feeds: who reads the samples of a series.
const (
	Server = "server" // the server's /metrics
	Client = "client" // the client, of itself
	Host   = "host"   // the machine of the client
	GPU    = "gpu"    // the server's GPUs
)

// A Gauge is the readings of a series.
type Gauge struct {
	Feed, Series string
	Over         Over
	Rate         bool   // the series is a counter: by how much it rose, by the second
	Absent       string // why there may be no readings, and what to do; "" for what is usual with Usually
	Usually      string // the feed whose reasons apply; "" for Feed
	Raw          bool   // the scenario names the series, not the catalogue
}

// Over is what becomes of the readings of one instant, of several engines, cores or GPUs.
type Over int

// What becomes of them.
const (
	Sum Over = iota
	Greatest
	Average
)

// A Counter is by how much a series rose since the window began, over all its label sets.
type Counter struct{ Feed, Series string }

// A Ratio is by how much one counter of the server's rose, divided by how much another did.
type Ratio struct {
	Part, Whole string
	Nothing     string // what it means that the whole did not rise
}

// A Histogram is one of the server's own, by its name without "_bucket".
type Histogram struct{ Name string }

func (Latency) source()      {}
func (LongestGap) source()   {}
func (Gap) source()          {}
func (OwnTime) source()      {}
func (RequestCount) source() {}
func (Total) source()        {}
func (ErrorRate) source()    {}
func (ValidAnswers) source() {}
func (Coalesced) source()    {}
func (Attainment) source()   {}
func (Concurrency) source()  {}
func (Energy) source()       {}
func (Gauge) source()        {}
func (Counter) source()      {}
func (Ratio) source()        {}
func (Histogram) source()    {}
