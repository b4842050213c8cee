package chart

import (
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// A Failure is the requests that failed in one way.
type Failure struct {
	Kind    harness.Failure
	Count   int
	Example string        // what exactly the first of them said
	At      time.Duration // when that one was due
}

// failures counts by kind, in the order in which each first happened.
type failures struct {
	kinds []Failure
	place map[harness.Failure]int
}

func newFailures() failures { return failures{place: map[harness.Failure]int{}} }

func (f *failures) take(r *harness.Record) {
	if r.Failure == "" {
		return
	}
	i, seen := f.place[r.Failure]
	if !seen {
		i = len(f.kinds)
		f.place[r.Failure] = i
		f.kinds = append(f.kinds, Failure{Kind: r.Failure, Example: r.Error, At: r.Due})
	}
	f.kinds[i].Count++
}

// Failures are the ways in which requests failed, in the order in which each first happened.
func (d *Drawing) Failures() []Failure { return slices.Clone(d.failures.kinds) }

// Failed is how many requests failed, without those that their users left.
func (d *Drawing) Failed() (n int) {
	for _, kind := range d.failures.kinds {
		if kind.Kind != harness.Canceled {
			n += kind.Count
		}
	}
	return n
}

// Requests is how many requests the drawing took.
func (d *Drawing) Requests() int { return d.seen }
