package client

import (
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/stamp"
)

// Instants and lengths go from stamp and http1 into records as they are. The value for one
// that is not there must be the same in all three packages, which do not import each other:
// this does not compile where it differs.
var _ = [1]struct{}{}[harness.NoTime-stamp.Unknown]
