// Package history is an index of stored runs in a database: SQLite in the folder of the runs, and
// PostgreSQL where several machines share one. The folder is the record: whatever the index holds was
// read from the files of runs, and can be made anew of them. So the index may be missing, locked or
// older than the folder; [CatchUp] enters what it does not have yet.
package history

import (
	"context"
	"encoding/json"
	"time"
)

// A History knows stored runs without reading their folders. Several processes may use it at once.
type History interface {
	// Known are the names of the runs that it has from a location.
	Known(ctx context.Context, location string) (map[string]bool, error)
	// Put enters runs, or replaces them where it has them already.
	Put(ctx context.Context, runs ...*Run) error
	// Remove removes runs of a location by their names.
	Remove(ctx context.Context, location string, names ...string) error
	// Runs are those that a query asks for, newest first.
	Runs(ctx context.Context, q Query) ([]*Run, error)
	// Series are the latest runs of all series, newest first.
	Series(ctx context.Context) ([]Series, error)
	// KeepTrend keeps what was drawn of a series until a run of it is put or removed.
	KeepTrend(ctx context.Context, series string, drawn json.RawMessage) error
	// Close lets go of the database.
	Close() error
}

// A Run is a stored run, or a group of repeats, as the index has it.
type Run struct {
	ID       string // the same wherever its folder lies, and different for every other run
	Name     string // of its folder: run=…
	Location string // that its folder lies in
	Identity
	File     string // of the feature, as Where has it
	Where    string // the scenario stood
	Start    time.Time
	Length   time.Duration
	Requests int
	Commit   string
	Branch   string
	Tool     string // version of vllmspec
	Host     string // that measured
	Server   string // address, without credentials
	Version  string // of the server
	GPUs     string // "8 × NVIDIA H200"
	Virtual  bool
	Outcome  string // of all objectives; "" without any
	Stopped  string // why the load ended early
	Failure  string // why the scenario failed
	PartOf   string // the run group that it is one of
	Part     string // which one: "repeat 2"

	Value     *float64 // of its first objective; nil: there is none
	Objective string   // the first one
	Entry     json.RawMessage

	Labels     map[string]string // by which it is comparable
	Objectives []Objective
	Figures    [][]Figure // of each benchmark line: one for each run of a group
}

// An Objective is a row that was judged.
type Objective struct {
	Row, Statistic, Metric, Unit string
	Limit                        float64
	Value, Lo, Hi                *float64 // nil: none, or infinite
	N                            int
	Outcome                      string
}

// A Figure is a value of a benchmark line, by the line's unit: "p99-TTFT-sec".
type Figure struct {
	Name   string
	Value  float64
	Lo, Hi *float64 // its interval, where an objective asked for it
}

// A Series is the runs of one [Identity].
type Series struct {
	Key    string
	Runs   int
	Latest *Run
	Trend  json.RawMessage // what [History.KeepTrend] kept; nil: nothing, or it is out of date
}

// A Query asks for runs. The zero value asks for all.
type Query struct {
	Series   string // one series
	Feature  string // with Scenario: whatever was planned and measured there
	Scenario string
	Tag      string // with Feature and Scenario: of the tag, or of those before they had one
	Target   string
	Branch   string
	Name     string // of one run, or all of it after the date
	Location string
	Before   time.Time // that began earlier
	Whole    bool      // no parts of a run group
	Listed   bool      // no parts of a run group that is there itself
	Ended    bool      // only those that came to their end
	// Comparable asks for runs with figures only, and Like for those with these labels and no others but remarks.
	Comparable bool
	Like       map[string]string
	Last       int      // at most so many, the newest; 0: all
	Details    bool     // with labels and objectives too
	Figures    []string // with these figures
	All        bool     // with all figures
}
