package sampler

import (
	"context"
	"errors"

	"github.com/vllmspec/vllmspec/harness"
)

// None stands for a source that is known to report nothing. It is never asked.
type None struct {
	Source string // "server"
	Why    string
}

// String is what is watched.
func (n None) String() string { return n.Source }

// Read is an error that says why there is nothing.
func (n None) Read(context.Context) ([]harness.Reading, error) { return nil, errors.New(n.Why) }
