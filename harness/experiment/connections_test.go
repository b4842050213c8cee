package experiment

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
)

func TestConnections_asManyAsALoadWillProbablyUse(t *testing.T) {
	for want, load := range map[int]harness.Load{
		64:   harness.Closed{Users: 64},
		2000: harness.Closed{Users: 5000},
		26:   harness.Open{Arrivals: arrival.Poisson{PerSecond: 12.5}},
		16:   harness.Open{Arrivals: arrival.Poisson{PerSecond: 100}, InFlight: 16},
		500:  harness.Open{Arrivals: arrival.AtOnce{}, Requests: 500},
		2:    harness.Open{Arrivals: arrival.Even{PerSecond: 0.1}},
	} {
		assert.Equal(t, want, probablyInFlight(load, 2*time.Second))
	}
}
