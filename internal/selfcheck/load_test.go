//go:build unix

package selfcheck

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

// brought is what a check's load writes that was brought to a mock.
func brought(t *testing.T, c check) string {
	t.Setenv("TMPDIR", t.TempDir())
	mock, err := mockvllm.New(mockvllm.Config{Profile: mockvllm.Profile{Name: "steady", GPU: "none", A: 1, Blocks: 1000, MaxSeqs: 64, MaxBatchedTokens: 1 << 16, MaxModelLen: 1 << 12}})
	require.NoError(t, err)
	mock.Start()
	defer mock.Close()
	server := httptest.NewServer(mock)
	defer server.Close()
	spec, err := json.Marshal(c)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, Command{Stdout: &out}.load(t.Context(), server.URL, string(spec)))
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, left, "the run is removed")
	return out.String()
}

func TestLoad_measuresEveryRequestAndItself(t *testing.T) {
	var m measurement
	require.NoError(t, json.Unmarshal([]byte(brought(t, check{Name: "small", Streams: 8, Tokens: 3, Over: 200 * time.Millisecond})), &m))
	require.Len(t, m.Requests, 8)
	for _, r := range m.Requests {
		assert.NotEmpty(t, r.ID)
		assert.Len(t, r.Chunks, 3)
		assert.Greater(t, r.Chunks[0], r.Sent)
	}
	assert.Positive(t, m.CPU)
	assert.Positive(t, m.Took)
	assert.Positive(t, m.IdleBytes)
	assert.GreaterOrEqual(t, m.PeakBytes, m.IdleBytes)
}

func TestSoak_printsHowItWent(t *testing.T) {
	assert.Regexp(t, `(?s)^ +after .*\n +0s +64 +0 .* MiB\njudged in 0s: 64 due, p99 TTFT .* MiB at most\n`, brought(t, check{Name: "soak", Streams: 8, Tokens: 1, Loop: 8, Soak: true}))
}
