package sampler

import (
	"context"
	"errors"
	"sync"

	"github.com/vllmspec/vllmspec/harness"
)

// Replicas reads the metrics of several replicas of one server at one instant.
// Each reading has the label "replica".
type Replicas []*Prometheus

// String is what is watched.
func (r Replicas) String() string { return "server" }

// Read scrapes all of them. A figure of theirs is a sum: when one does not answer
// there is none, rather than one that is too small.
func (r Replicas) Read(ctx context.Context) ([]harness.Reading, error) {
	readings, errs := make([][]harness.Reading, len(r)), make([]error, len(r))
	var reading sync.WaitGroup
	for i, p := range r {
		reading.Go(func() { readings[i], errs[i] = p.Read(ctx) })
	}
	reading.Wait()
	if err := errors.Join(errs...); err != nil {
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
