package harness

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// A Scenario is one experiment: what to ask, when, and what must hold. It is
// plain data and is stored with the run.
type Scenario struct {
	Name        string
	Where       string   // feature file and line it was read from
	Sentences   []string // that it was read from, with the rows of their tables; nil: it was not written in sentences
	Seed        uint64   // arrivals, prompts and think times draw from separate streams of it
	Dataset     Dataset
	Load        Load          // Open or Closed
	Interface   Interface     // over which it is asked
	Warmup      time.Duration // requests due earlier are recorded, not judged
	Cache       *Cache        // what is to be found in the server's prefix cache, or the run is unsound; nil: what the run itself asked before
	Leftovers   bool          // what earlier runs left in the server's prefix cache is used too
	Abandonment Abandonment   // users who leave before their answer has ended
	Good        []Objective   // what makes one request good (goodput)
	Objectives  []Objective   // what makes the run good
	Labels      map[string]string
}

// Cache is a contract: so much is to be found in the server's prefix cache.
type Cache struct {
	Share float64 `json:"share"` // of prompt tokens; 0 is a cold cache, 1 a warm one, in which all is found that can be
}

// Abandonment is users who do not wait for ever: a share of requests is given up so
// long after it was due.
type Abandonment struct {
	Share float64       `json:"share"`
	After time.Duration `json:"after_ns"`
}

func (i Abandonment) check() error {
	if !(i.Share >= 0 && i.Share <= 1) || i.Share > 0 && i.After <= 0 {
		return fmt.Errorf("%g of requests are given up after %v: a share lies between 0 and 1, and users wait for some time", i.Share, i.After)
	}
	return nil
}

// A Load says who asks and for how long: [Open] or [Closed].
type Load interface {
	// Planned is how long the load issues requests, or 0 when it stops by count,
	// whose time is not known beforehand.
	Planned() time.Duration
	load()
}

// Open is a load whose requests are due at instants that do not depend on the
// server: the arrivals of many people who do not know of each other.
type Open struct {
	Arrivals Arrivals
	For      time.Duration // requests are due in [0, For); 0: no end by time
	Requests int           // stop after so many; 0: no end by count
	InFlight int           // at most so many at once, the rest waits and is counted from its due time; 0: no bound
	Think    Think         // between an answer and the next turn of its conversation
}

// Closed is a load of a fixed number of users who each wait for the answer,
// think, and ask again.
type Closed struct {
	Users    int
	Think    Think         // between an answer and the user's next question
	For      time.Duration // users ask until then; 0: no end by time
	Requests int           // in all, shared evenly among the users; 0: no end by count
}

// Think is how long a user thinks: always as long, or as a distribution says.
type Think struct {
	Mean      time.Duration `json:"mean_ns"`
	Deviation time.Duration `json:"deviation_ns,omitempty"`
	Shape     Shape         `json:"shape,omitempty"`
}

// A Shape is how think times spread.
type Shape string

// The shapes. Exponential has no deviation of its own: it is the mean.
const (
	Fixed       Shape = ""
	Exponential Shape = "exponential"
	LogNormal   Shape = "log-normal"
)

func (t Think) draw(r *rand.Rand) time.Duration {
	switch mean := float64(t.Mean); t.Shape {
	case Exponential:
		return time.Duration(r.ExpFloat64() * mean)
	case LogNormal:
		variance := math.Log1p(math.Pow(float64(t.Deviation)/mean, 2))
		return time.Duration(mean * math.Exp(r.NormFloat64()*math.Sqrt(variance)-variance/2))
	}
	return t.Mean
}

func (t Think) check() error {
	switch {
	case t.Mean < 0 || t.Deviation < 0:
		return fmt.Errorf("the think time is %v; it cannot be negative", t)
	case t.Shape == LogNormal && t.Mean == 0:
		return errors.New("a log-normal think time has a mean above 0")
	}
	return nil
}

func (t Think) String() string {
	switch t.Shape {
	case Exponential:
		return fmt.Sprintf("exponential, %v on average", t.Mean)
	case LogNormal:
		return fmt.Sprintf("log-normal, %v ± %v", t.Mean, t.Deviation)
	}
	return t.Mean.String()
}

// Steady reports whether requests come at one rate from beginning to end, so that
// what changes during a run is the server's doing.
func (o Open) Steady() bool {
	s, ok := o.Arrivals.(interface{ Steady() bool })
	return ok && s.Steady()
}

func (Open) load()   {}
func (Closed) load() {}

// Planned is the length of the load, or for a load that stops by count the
// length that its mean rate makes likely.
func (o Open) Planned() time.Duration {
	if o.For > 0 || o.Arrivals == nil || o.Arrivals.Rate() <= 0 {
		return o.For
	}
	return time.Duration(float64(o.Requests) / o.Arrivals.Rate() * float64(time.Second))
}

// Planned is the length of the load; a closed load that stops by count has none.
func (c Closed) Planned() time.Duration { return c.For }

// String is the load for the reader of a manifest.
func (o Open) String() string {
	s := fmt.Sprint(o.Arrivals) + extent(o.For, o.Requests)
	if o.InFlight > 0 {
		s += fmt.Sprintf(", at most %d in flight", o.InFlight)
	}
	if o.Think.Mean > 0 {
		s += fmt.Sprintf(", thinking between turns: %v", o.Think)
	}
	return s
}

// String is the load for the reader of a manifest.
func (c Closed) String() string {
	return fmt.Sprintf("%d users with a think time of %v", c.Users, c.Think) + extent(c.For, c.Requests)
}

func extent(length time.Duration, requests int) (s string) {
	if length > 0 {
		s += fmt.Sprintf(", for %v", length)
	}
	if requests > 0 {
		s += fmt.Sprintf(", for %d requests", requests)
	}
	return s
}

// Arrivals say when requests are due.
type Arrivals interface {
	// Times yields instants since the load began, ascending, without end.
	Times(*rand.Rand) iter.Seq[time.Duration]
	// Rate is the mean of requests per second, for planning.
	Rate() float64
}

// A Dataset says what is asked.
type Dataset interface {
	// Conversations yields conversations drawn with the given stream, without
	// end. It reads and checks its source first: an error here ends the run
	// before any load.
	Conversations(*rand.Rand) (iter.Seq[Conversation], error)
}

// An Objective is one row of expectations: a figure and the limit it must keep.
type Objective struct {
	Text      string   `json:"text"`              // as written: "p99 TTFT at most 500 ms"
	Where     string   `json:"where"`             // file:line of the row
	Class     string   `json:"class,omitempty"`   // of traffic; "" for all
	Setting   string   `json:"setting,omitempty"` // of a sweep, that it is about: "at 8 per second"; "" for every one
	Statistic string   `json:"statistic"`         // min, mean, max, total, p0…p100; "" where the metric is one figure of the run
	Metric    string   `json:"metric"`            // name in the catalogue
	Relation  Relation `json:"relation"`
	Limit     float64  `json:"limit"`                // in the base unit of the metric: seconds, ratio 0–1, per second, count
	Upper     float64  `json:"upper,omitempty"`      // upper end, Between only
	Own       string   `json:"own_metric,omitempty"` // definition of a metric that is not in the catalogue, for harness/metric
}

// Name is the figure as one says it: "p99 TTFT", or of one class of the traffic
// "chat: p99 TTFT", or at one point of a sweep "p99 TTFT at 8 per second".
func (o Objective) Name() string { return strings.TrimSpace(o.Subject() + " " + o.Setting) }

// Subject is the name wherever the figure was measured.
func (o Objective) Subject() string {
	name := strings.TrimSpace(o.Statistic + " " + o.Metric)
	if o.Class != "" {
		name = o.Class + ": " + name
	}
	return name
}

// A Relation is how a figure must stand to its limit.
type Relation string

// The relations of the vocabulary; "none" is Exactly 0.
const (
	AtMost  Relation = "at most"
	AtLeast Relation = "at least"
	Exactly Relation = "exactly"
	Between Relation = "between"
)
