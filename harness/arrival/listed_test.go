package arrival_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness/arrival"
)

func TestRecording_isPlayedAsListedInstants(t *testing.T) {
	instants := []time.Duration{0, time.Second, 4 * time.Second, 5 * time.Second}
	held := arrival.Listed{Name: "x", Instants: instants}
	read := arrival.Listed{Name: "x", Recorded: &arrival.Recording{Times: slices.Values(instants), Count: 4, Last: 5 * time.Second, Pause: 3 * time.Second}}
	for _, speed := range []float64{0, 2} {
		held.Speed, read.Speed = speed, speed
		assert.Equal(t, slices.Collect(held.Times(nil)), slices.Collect(read.Times(nil)))
		assert.Equal(t, slices.Collect(read.Times(nil)), slices.Collect(read.Times(nil)), "again")
		assert.InDelta(t, held.Rate(), read.Rate(), 1e-12)
		requests, after, _ := held.Ends()
		requestsRead, afterRead, ends := read.Ends()
		assert.Equal(t, []any{requests, after, true}, []any{requestsRead, afterRead, ends})
		assert.Equal(t, held.String(), read.String())
	}
	summary, same := read.Summary(), held.Summary()
	assert.Empty(t, summary.SHA256, "a recording is not read for it")
	same.SHA256 = ""
	assert.Equal(t, same, summary)
	assert.InDelta(t, 7, read.At(7).Rate(), 1e-9)
	assert.Equal(t, 4, read.Count())
}
