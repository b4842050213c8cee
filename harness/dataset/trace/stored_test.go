package trace_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/dataset/trace"
)

// requestsParquet is a file as harness/store writes it, in the columns that count here.
func requestsParquet(t *testing.T) []byte {
	t.Helper()
	n := func(v int64) *int64 { return &v }
	sql := "sql"
	var file bytes.Buffer
	require.NoError(t, parquet.Write(&file, []struct {
		Other           string  `parquet:"other"`
		Class           string  `parquet:"class,dict"`
		Due             int64   `parquet:"due_ns,delta"`
		Prompt          *int64  `parquet:"prompt_tokens,optional"`
		Output          *int64  `parquet:"output_tokens,optional"`
		RequestedPrompt *int64  `parquet:"requested_prompt_tokens,optional"`
		RequestedOutput *int64  `parquet:"requested_output_tokens,optional"`
		Model           *string `parquet:"requested_model,optional,dict"`
	}{
		{"x", "chat", 1_234_567_891, n(16), n(4), nil, n(64), nil},
		{"y", "queries", 1_234_567_892, nil, nil, n(8), n(5), &sql},
		{"z", "", 60_000_000_001, n(7), nil, nil, nil, nil},
	}))
	return file.Bytes()
}

func TestStoredRun_isATrace(t *testing.T) {
	played, err := trace.Read(folder("requests.parquet", string(requestsParquet(t))), "requests.parquet")
	require.NoError(t, err)
	assert.Equal(t, []trace.Request{
		{At: 1_234_567_891, Prompt: 16, Answer: 4, Class: "chat"},
		{At: 1_234_567_892, Prompt: 8, Answer: 5, Class: "queries", Model: "sql"},
		{At: 60_000_000_001, Prompt: 7, Answer: 1},
	}, played.Requests)
	assert.Equal(t, []string{"chat", "queries"}, played.Classes())
	_, err = trace.Read(folder("requests.parquet", "no"), "requests.parquet")
	assert.ErrorContains(t, err, "requests.parquet: ")
}

func TestStoredRun_isReplayedToTheNanosecond(t *testing.T) {
	played, err := trace.Read(folder("requests.parquet", string(requestsParquet(t))), "requests.parquet")
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		run, err := harness.Runner{Client: atOnce{}}.Run(t.Context(), harness.Scenario{
			Dataset: played, Load: harness.Open{Arrivals: arrival.Listed{Instants: played.Instants()}, For: 2 * time.Minute}})
		require.NoError(t, err)
		i := 0
		for r := range run.Records {
			want := played.Requests[i]
			assert.Equal(t, []time.Duration{want.At, want.At}, []time.Duration{r.Due, r.Sent})
			assert.Equal(t, []int{want.Prompt, want.Answer}, []int{r.PromptTokens, r.OutputTokens})
			assert.Equal(t, []string{want.Class, want.Model}, []string{r.Class, r.RequestedModel})
			i++
		}
		assert.Equal(t, 3, i)
	})
}
