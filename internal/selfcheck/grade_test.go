//go:build unix

package selfcheck

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
)

func TestGrade_isTheDifferenceFromTheTruth(t *testing.T) {
	const us = int64(time.Microsecond)
	m := measurement{CPU: 90 * time.Microsecond, IdleBytes: 1 << 20, PeakBytes: 3 << 20, Requests: []measured{
		{ID: "a", Sent: 7 * us, Lag: 7 * us, ReadDelay: 100 * us, Chunks: []int64{1010 * us, 2010 * us, 2010 * us}},
	}}
	known := map[string]truth{"a": {ID: "a", Received: 9 * us, Written: []int64{1000 * us, 2000 * us, 3000 * us}}}
	g, err := check{Streams: 2}.grade(m, known)
	require.NoError(t, err)
	assert.Equal(t, spread{7, 7}, g.Lag)
	assert.Equal(t, spread{10, 990}, g.Stamp, "the third token shares the second one's stamp")
	assert.Equal(t, spread{12, 12}, g.TTFT, "1003 µs since sent, 991 inside")
	assert.Equal(t, spread{0, 1000}, g.ITL)
	assert.Equal(t, spread{100, 100}, g.ReadDelay)
	assert.InDelta(t, 1.0/3, g.Coalesced, 1e-9)
	assert.InDelta(t, 30, g.CPUPerToken, 1e-9)
	assert.InDelta(t, 3, g.PeakMiB, 1e-9)
	assert.InDelta(t, 1024, g.PerStreamKiB, 1e-9)

	known["a"] = truth{ID: "a", Arrived: 8 * us, Received: 500 * us, Written: known["a"].Written}
	g, err = check{}.grade(m, known)
	require.NoError(t, err)
	assert.Equal(t, spread{11, 11}, g.TTFT, "what the server's handler waits for is the server's")

	_, err = check{Streams: 2}.grade(m, map[string]truth{"a": {Written: []int64{1}}})
	assert.ErrorContains(t, err, "wrote 1 tokens of it where 3 came")
}

func TestArguments_chooseTheChecks(t *testing.T) {
	all, err := choose(nil)
	require.NoError(t, err)
	assert.Len(t, all, len(checks()))
	some, err := choose([]string{"per", "second"})
	require.NoError(t, err)
	assert.Len(t, some, 3)
	_, err = choose([]string{"nothing"})
	assert.ErrorContains(t, err, `no check has "nothing" in its name`)
	soak, err := choose([]string{"soak", "1000"})
	require.NoError(t, err)
	assert.Equal(t, harness.Closed{Users: 64, Requests: 960}, soak[0].scenario().Load)
	for _, args := range [][]string{{"soak"}, {"soak", "x"}, {"soak", "1"}} {
		_, err = choose(args)
		assert.ErrorContains(t, err, "say how many requests")
	}
}
