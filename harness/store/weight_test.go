package store

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
)

// TestSegments_ofLongTexts has requests and samples that hold little but long texts:
// what of them is in memory stays below what a segment weighs.
func TestSegments_ofLongTexts(t *testing.T) {
	folder, err := Create(t.TempDir(), "run=x")
	require.NoError(t, err)
	archive := folder.archive("a scenario")
	const long = 64 << 10
	for n := range 3 * segmentWeight / long {
		r := harness.NewRecord(n, time.Duration(n))
		r.Error, r.Failure = strings.Repeat("x", long), harness.Malformed
		require.NoError(t, archive.Record(r))
		require.NoError(t, archive.Sample(harness.Sample{At: time.Duration(n), Reading: harness.Reading{Source: "server", Series: "x", Labels: map[string]string{"x": strings.Repeat("y", long)}}}))
		require.Less(t, archive.requests.weight, segmentWeight)
		require.Less(t, archive.samples.weight, segmentWeight)
	}
	for _, name := range []string{"requests", "samples"} {
		segments, err := filepath.Glob(filepath.Join(folder.hidden, name+"-*.parquet"))
		require.NoError(t, err)
		assert.NotEmpty(t, segments, name)
	}
	require.NoError(t, archive.Close())
}

// TestOpen_countsAndTimesThatCannotBeAreNone has a row as another program could have written it.
func TestOpen_countsAndTimesThatCannotBeAreNone(t *testing.T) {
	most, negative := int64(1<<62), int64(-5)
	for name, r := range map[string]row{
		"a huge count":     {OutputTokens: &most, PromptTokens: &most},
		"a negative count": {OutputTokens: &negative},
		"a huge chunk":     {ChunkTokens: []int64{1, most}},
	} {
		got := r.record()
		assert.Equal(t, harness.CountInvalid, got.CountFault, name)
		assert.Equal(t, []int{harness.Unreported, harness.Unreported}, []int{got.OutputTokens, got.PromptTokens}, name)
		assert.Nil(t, got.ChunkTokens, name)
	}
	early := row{DoneNS: &negative, SentNS: &negative}
	got := early.record()
	assert.Equal(t, harness.NoTime, got.Done)
	assert.Equal(t, harness.NoTime, got.E2E())
	assert.Nil(t, instant(-7))
}
