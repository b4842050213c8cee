package harness

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/limit"
)

func TestExtent_ofAnAnswerIsBoundedByWhatWasAsked(t *testing.T) {
	for name, c := range map[string]struct {
		prompt Prompt
		most   int
		says   string
	}{
		"16 tokens":     {Prompt{MaxTokens: 16}, limit.AnswerEvents(16), "and at most 16 tokens were asked for"},
		"four choices":  {Prompt{MaxTokens: 16, Extra: map[string]json.RawMessage{"n": json.RawMessage("4")}}, 4 * limit.AnswerEvents(16), "at most 16 tokens"},
		"n of nonsense": {Prompt{MaxTokens: 16, Extra: map[string]json.RawMessage{"n": json.RawMessage(`"x"`)}}, limit.AnswerEvents(16), "at most 16 tokens"},
		"no limit":      {Prompt{}, limit.AnswerEvents(0), "say how long answers are at most"},
	} {
		extent := NewExtent(&c.prompt)
		for range c.most {
			require.NoError(t, extent.Take(&Chunk{Text: "x"}), name)
		}
		require.ErrorContains(t, extent.Take(&Chunk{Text: "x"}), c.says, name)
	}
}

func TestRecord_isBounded(t *testing.T) {
	long := strings.Repeat("x", limit.Field)
	for name, c := range map[string]Chunk{"id": {RequestID: long}, "model": {Model: long}, "finish reason": {Finish: long}} {
		assert.NoError(t, NewExtent(&Prompt{}).Take(&c))
		c.RequestID, c.Model, c.Finish = c.RequestID+c.RequestID, c.Model+c.Model, c.Finish+c.Finish
		assert.ErrorContains(t, NewExtent(&Prompt{}).Take(&c), "the "+name+" of the answer has 2048 bytes")
	}
}

func TestRecord_answerComesAfterItsRequest(t *testing.T) {
	start := time.Now()
	r := NewRecord(0, 0)
	r.Sent = time.Second
	require.NoError(t, r.take(Chunk{At: start.Add(time.Second), Headers: true}, start))
	require.NoError(t, r.take(Chunk{At: start.Add(3 * time.Second), Text: "a"}, start))
	require.NoError(t, r.take(Chunk{At: start.Add(2 * time.Second), Text: "b"}, start), "stamped by a clock that was set meanwhile")
	assert.Equal(t, []time.Duration{3 * time.Second, 3 * time.Second}, r.Chunks)
	require.ErrorContains(t, r.take(Chunk{At: start.Add(999 * time.Millisecond), Text: "c"}, start), "the answer came 1ms before its request was sent")
	require.NoError(t, r.take(Chunk{At: start.Add(400 * time.Millisecond), Text: "c"}, start), "the clock was set: what had come so long before would have been seen")
	r.Due, r.Chunks = 5*time.Second, []time.Duration{4 * time.Second, 3 * time.Second}
	assert.Equal(t, []time.Duration{NoTime, NoTime}, []time.Duration{r.TTFT(), r.E2E()}, "no time is negative")
	assert.Equal(t, []time.Duration{0}, r.ITLs())
}

func TestCounts_thatCannotBeForWhatWasAsked(t *testing.T) {
	for name, c := range map[string]struct {
		usage  Usage
		chunks int
		full   bool
		fault  CountFault
	}{
		"as many as were asked for":  {Usage{PromptTokens: 9, OutputTokens: 16}, 16, false, ""},
		"one that ends it":           {Usage{PromptTokens: 9, OutputTokens: 17}, 16, false, ""},
		"many in one chunk":          {Usage{PromptTokens: 9, OutputTokens: 10_000}, 1, false, CountBeyondAsked},
		"many that came":             {Usage{PromptTokens: 9, OutputTokens: 40}, 40, false, ""},
		"a prompt that is too long":  {Usage{PromptTokens: 90_000_000, OutputTokens: 16}, 16, false, CountPrompt},
		"more than any context":      {Usage{PromptTokens: 9, OutputTokens: limit.Tokens + 1}, 16, false, CountInvalid},
		"cached beyond any context":  {Usage{PromptTokens: 9, OutputTokens: 16, CachedTokens: 1 << 62}, 16, false, CountInvalid},
		"lengths are looked at else": {Usage{PromptTokens: 9, OutputTokens: 10_000}, 1, true, ""},
	} {
		r := NewRecord(0, 0)
		r.RequestedOutputTokens, r.Full, r.Chunks = 16, c.full, make([]time.Duration, c.chunks)
		counts := counting{prompt: promptMost(&Prompt{Text: "A prompt."})}
		counts.take(&c.usage)
		counts.settle(&r)
		assert.Equal(t, c.fault, r.CountFault, name)
	}
}
