package harness_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
)

// answeredWith is the record of one request that was answered with these chunks.
func answeredWith(t *testing.T, chunks ...harness.Chunk) (r harness.Record) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := asks(func(yield func(harness.Chunk, error) bool) {
			for _, c := range chunks {
				c.At = time.Now()
				if c.Tokens == 0 {
					c.Tokens = harness.Unreported
				}
				if !yield(c, nil) {
					return
				}
			}
		})
		_, records := run(t, server, harness.Scenario{Load: harness.Open{Arrivals: arrival.Even{PerSecond: 1}, Requests: 1}})
		require.Len(t, records, 1)
		r = records[0]
	})
	return r
}

func TestFinish_mayBeThatTheServerGaveUp(t *testing.T) {
	for finish, failure := range map[string]harness.Failure{
		"abort": harness.Aborted, "ABORTED": harness.Aborted, "FINISH_ABORT": harness.Aborted, "cancelled": harness.Aborted, "Canceled": harness.Aborted,
		`{"type":"abort","message":"engine"}`: harness.Aborted,
		"error":                               harness.ServerError, "internal-error": harness.ServerError, "insufficient_system_resource": harness.ServerError,
		"timeout": harness.ServerTimeout, "Timed Out": harness.ServerTimeout,
		"stop": "", "length": "", "STOP": "", "tool_calls": "", "content_filter": "", "eos_token": "", "end_turn": "", "a_reason_of_tomorrow": "",
	} {
		r := answeredWith(t, harness.Chunk{Text: "word"}, harness.Chunk{Finish: finish})
		assert.Equal(t, failure, r.Failure, finish)
		assert.Equal(t, failure != "", r.Failed(), finish)
		assert.Equal(t, failure == "", r.Good, finish)
		assert.Equal(t, finish, r.Finish, "as the server gave it")
		assert.Equal(t, finish != "a_reason_of_tomorrow", r.KnownFinish(), finish)
	}
}

func TestFinish_callsAndRefusalsAreNotEmpty(t *testing.T) {
	for _, finish := range []string{"content_filter", "SAFETY", "tool_calls", "function_call", "refusal"} {
		r := answeredWith(t, harness.Chunk{Finish: finish})
		assert.Empty(t, r.Failure, finish)
		assert.False(t, r.Failed(), finish)
		assert.False(t, r.Good, "%s: nothing came that could be good", finish)
	}
	assert.Equal(t, harness.Empty, answeredWith(t, harness.Chunk{Finish: "stop"}).Failure)
	r := answeredWith(t, harness.Chunk{Refusal: "I cannot"}, harness.Chunk{Finish: "stop"})
	assert.True(t, r.OK() && r.Good && r.Refused)
	assert.Len(t, r.Chunks, 1)
	assert.NotEqual(t, harness.NoTime, r.FirstAnswer)
	r = answeredWith(t, harness.Chunk{Text: "w"}, harness.Chunk{Finish: "content_filter"})
	assert.True(t, r.Filtered() && r.OK())
}

func TestCounts_thatCannotBeRightAreNotKept(t *testing.T) {
	usage := func(prompt, output int) *harness.Usage {
		return &harness.Usage{PromptTokens: prompt, OutputTokens: output, CachedTokens: harness.Unreported, ReasoningTokens: harness.Unreported}
	}
	word := func(u *harness.Usage) harness.Chunk { return harness.Chunk{Text: "w", Usage: u} }
	end := func(u *harness.Usage) harness.Chunk { return harness.Chunk{Finish: "stop", Usage: u} }
	sum := usage(7, 4)
	sum.TotalTokens = 8
	reasoned := usage(7, 4)
	reasoned.ReasoningTokens, reasoned.TotalTokens = 60, 71
	cached := usage(7, 4)
	cached.CachedTokens = 8
	invalid := usage(7, 4)
	invalid.Invalid = true
	for name, c := range map[string]struct {
		chunks []harness.Chunk
		fault  harness.CountFault
	}{
		"as many as chunks":        {[]harness.Chunk{word(nil), word(nil), word(nil), end(usage(7, 3))}, ""},
		"a chunk may hold several": {[]harness.Chunk{word(nil), end(usage(7, 30))}, ""},
		"one chunk of no token":    {[]harness.Chunk{word(nil), word(nil), word(nil), end(usage(7, 2))}, ""},
		"below the chunks":         {[]harness.Chunk{word(nil), word(nil), word(nil), end(usage(7, 1))}, harness.CountBelowChunks},
		"of each chunk alone":      {[]harness.Chunk{word(usage(7, 1)), word(usage(7, 1)), word(usage(7, 1)), end(nil)}, harness.CountBelowChunks},
		"none for content":         {[]harness.Chunk{word(nil), end(usage(7, 0))}, harness.CountBelowChunks},
		"zeros after a good one":   {[]harness.Chunk{word(nil), word(usage(7, 2)), end(usage(0, 0))}, harness.CountFell},
		"rising":                   {[]harness.Chunk{word(usage(7, 1)), word(usage(7, 2)), end(usage(7, 3))}, ""},
		"not told at the end":      {[]harness.Chunk{word(usage(7, 1)), end(usage(harness.Unreported, harness.Unreported))}, ""},
		"no prompt":                {[]harness.Chunk{word(nil), end(usage(0, 1))}, harness.CountNoPrompt},
		"reasoning counted apart":  {[]harness.Chunk{word(nil), end(reasoned)}, ""},
		"a sum that is less":       {[]harness.Chunk{word(nil), end(sum)}, harness.CountSum},
		"more cached than sent":    {[]harness.Chunk{word(nil), end(cached)}, harness.CountSum},
		"no count":                 {[]harness.Chunk{word(nil), end(invalid)}, harness.CountInvalid},
		"absurd":                   {[]harness.Chunk{word(nil), end(usage(7, 1e9))}, harness.CountInvalid},
	} {
		r := answeredWith(t, c.chunks...)
		assert.Equal(t, c.fault, r.CountFault, name)
		assert.Equal(t, c.fault != "", r.OutputTokens == harness.Unreported && r.PromptTokens == harness.Unreported, name)
		assert.True(t, r.OK(), name)
	}
}

func TestFinish_cutByUsIsNeitherGoodNorAnError(t *testing.T) {
	for failure, cut := range map[harness.Failure]bool{harness.Interrupted: true, harness.Unanswered: true, harness.Timeout: false, harness.Canceled: false} {
		r := harness.NewRecord(0, 0)
		r.Failure, r.Done = failure, time.Second
		assert.Equal(t, cut, r.Cut(), failure)
		assert.Equal(t, failure == harness.Timeout, r.Failed(), failure)
	}
}
