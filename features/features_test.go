// Package features holds the scenarios that show what a feature can say, and the one test that runs
// them. The folder proofs has those that show that verdicts are true; package steps/stored runs both.
package features

import (
	"testing"

	"github.com/vllmspec/vllmspec"
)

// TestFeatures runs every feature: on the mock in a bubble of virtual time, or
// live where the environment names a server.
func TestFeatures(t *testing.T) { vllmspec.Run(t, ".") }
