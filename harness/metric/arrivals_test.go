package metric_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
)

// arrived are the tokens of a record by when they came.
func arrived(r harness.Record) map[time.Duration]float64 {
	all := map[time.Duration]float64{}
	for at, n := range metric.Arrivals(&r) {
		all[at] += n
	}
	return all
}

func TestArrivals_areAllTokensAsFarAsIsKnownWhen(t *testing.T) {
	r := harness.NewRecord(0, 0)
	r.Chunks, r.Done, r.OutputTokens = []time.Duration{100, 160}, 170, 4
	assert.Equal(t, map[time.Duration]float64{100: 2, 160: 2}, arrived(r))
	r.ChunkTokens = []int{1, 3}
	assert.Equal(t, map[time.Duration]float64{100: 1, 160: 3}, arrived(r))
	r.Seen = harness.SeenEnds
	assert.Equal(t, map[time.Duration]float64{100: 1, 120: 1, 140: 1, 160: 1}, arrived(r), "evenly between them")
	r.OutputTokens = 1
	assert.Equal(t, map[time.Duration]float64{160: 1}, arrived(r))
	r.OutputTokens = 1e9
	assert.Len(t, arrived(r), 61, "in few places")
	r.Seen, r.Chunks, r.OutputTokens = harness.SeenNone, nil, 4
	assert.Equal(t, map[time.Duration]float64{170: 4}, arrived(r))
	r.OutputTokens = harness.Unreported
	assert.Empty(t, arrived(r))
}
