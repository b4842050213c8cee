package sampler

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/servers"
)

// Replicas reads the metrics of several replicas of one server at one instant.
// Each reading has the label "replica".
type Replicas []*Prometheus

// String is what is watched.
func (r Replicas) String() string { return "server" }

// Kind is the software of the first of them.
func (r Replicas) Kind() servers.Kind { return r[0].Kind() }

// Read scrapes all of them. A figure of theirs is a sum: when one does not answer
// there is none, rather than one that is too small.
func (r Replicas) Read(ctx context.Context) ([]harness.Reading, error) {
	readings, errs := make([][]harness.Reading, len(r)), make([]error, len(r))
	var reading sync.WaitGroup
	for i, p := range r {
		reading.Go(func() { readings[i], errs[i] = p.Read(ctx) })
	}
	reading.Wait()
	if err := inOneLine(errs); err != nil {
		return nil, err
	}
	var all []harness.Reading
	for i, p := range r {
		for _, one := range readings[i] {
			one.Labels["replica"] = withoutPath(p.URL)
			all = append(all, one)
		}
	}
	return all, nil
}

// Remarks are those of each of them.
func (r Replicas) Remarks() (out []string) {
	for _, p := range r {
		out = append(out, p.Remarks()...)
	}
	return out
}

// inOneLine joins errors as a sentence does; nil where there is none.
func inOneLine(errs []error) error {
	if errors.Join(errs...) == nil {
		return nil
	}
	return several(slices.DeleteFunc(errs, func(err error) bool { return err == nil }))
}

// several are errors of several pages.
type several []error

func (s several) Error() string {
	var said []string
	for _, err := range s {
		said = append(said, err.Error())
	}
	return strings.Join(said, "; ")
}

func (s several) Unwrap() []error { return s }
