package harness_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
)

func TestSeen_whatIsNotKnownOfAnAnswerIsNotMadeUp(t *testing.T) {
	r := harness.NewRecord(0, 0)
	r.Sent, r.Chunks, r.Done, r.OutputTokens = 10, []time.Duration{100, 160}, 170, 4
	assert.Equal(t, 2, r.ChunkCount())
	assert.Equal(t, time.Duration(10), r.Lag())

	r.Seen, r.DueUnknown = harness.SeenEnds, true
	assert.Equal(t, harness.NoTime, r.Lag(), "when it was due is not known")
	assert.Equal(t, time.Duration(100), r.TTFT())
	assert.Equal(t, time.Duration(20), r.TPOT(), "that needs the ends only")
	assert.Equal(t, harness.Unreported, r.ChunkCount())
	assert.Equal(t, harness.NoTime, r.LongestGap())
	assert.Nil(t, r.ITLs())
	r.OutputTokens = 1

	r.Seen, r.Chunks, r.OutputTokens = harness.SeenNone, nil, 4
	assert.True(t, r.HasContent())
	assert.Equal(t, harness.NoTime, r.TTFT())
	r.Failure = harness.Unnamed
	assert.False(t, r.HasContent(), "nothing says that a failed one had any")
}
