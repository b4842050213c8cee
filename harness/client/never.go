package client

import (
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/stamp"
)

// Instants and lengths go from stamp and http1 into records as they are. That one that
// did not come is the same value in all of them is checked here, when this is compiled:
// they do not know of each other.
var _ = [1]struct{}{}[harness.Never-stamp.Unknown]
