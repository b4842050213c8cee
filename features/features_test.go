package features

import (
	"testing"

	"github.com/vllmspec/vllmspec"
)

// TestFeatures runs every feature: on the mock in a bubble of virtual time, or
// live where the environment names a server.
func TestFeatures(t *testing.T) { vllmspec.Run(t, ".") }
