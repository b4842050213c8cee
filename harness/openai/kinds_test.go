package openai_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
)

func delta(fields string) string {
	return fmt.Sprintf("data: {\"id\":\"c-1\",\"choices\":[{\"index\":0,\"delta\":{%s},\"finish_reason\":null}]}\n\n", fields)
}

const ended = `data: {"id":"c-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"

func TestContent_callsAndRefusals(t *testing.T) {
	for name, c := range map[string]struct{ events, text, call, refusal string }{
		"a tool":          {delta(`"tool_calls":[{"index":0,"id":"1","function":{"name":"look","arguments":""}}]`) + delta(`"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]`), "", "look{}", ""},
		"a custom tool":   {delta(`"tool_calls":[{"index":0,"id":"1","custom":{"name":"look","input":"x"}}]`), "", "lookx", ""},
		"a function":      {delta(`"function_call":{"name":"look"}`) + delta(`"function_call":{"arguments":"{}"}`), "", "look{}", ""},
		"a refusal":       {delta(`"refusal":"I "`) + delta(`"refusal":"cannot"`), "", "", "I cannot"},
		"nulls":           {delta(`"content":null,"refusal":null,"function_call":null`), "", "", ""},
		"text, then both": {delta(`"content":"So","refusal":"No"`), "So", "", "No"},
	} {
		chunks, err := follow(serve(t, stream(c.events, ended, done)), hello)
		require.NoError(t, err, name)
		text, call, refusal, content := "", "", "", 0
		for _, chunk := range chunks {
			text, call, refusal = text+chunk.Text, call+chunk.Call, refusal+chunk.Refusal
			if chunk.Content() {
				content++
			}
		}
		assert.Equal(t, c.text, text, name)
		assert.Equal(t, c.call, call, name)
		assert.Equal(t, c.refusal, refusal, name)
		if name != "nulls" {
			assert.Equal(t, strings.Count(c.events, "data:"), content, name)
		}
	}
}

func TestUsage_invalidCountIsSaidToBe(t *testing.T) {
	for usage, invalid := range map[string]bool{
		`{"prompt_tokens":7,"completion_tokens":-1}`:              true,
		`{"prompt_tokens":7,"completion_tokens":1.5}`:             true,
		`{"prompt_tokens":7,"completion_tokens":1e12}`:            true,
		`{"prompt_tokens":7,"completion_tokens":4}`:               false,
		`{"prompt_tokens":7,"completion_tokens":null}`:            false,
		`{"prompt_tokens":7,"completion_tokens":4,"x_tokens":-1}`: false,
	} {
		chunks, err := follow(serve(t, stream(red, ended, `data: {"choices":[],"usage":`+usage+"}\n\n", done)), hello)
		require.NoError(t, err)
		last := chunks[len(chunks)-1]
		require.NotNil(t, last.Usage)
		assert.Equal(t, invalid, last.Usage.Invalid, usage)
	}
}

// once is a dataset of one question.
type once struct{}

func (once) Conversations(*rand.Rand) (iter.Seq[harness.Conversation], error) {
	return func(yield func(harness.Conversation) bool) {
		yield(harness.Conversation{Turns: []harness.Prompt{hello}})
	}, nil
}

func TestUsage_ofARealServerContradictsNothing(t *testing.T) {
	paths, err := filepath.Glob("../../fixtures/recordings/*/*.txt")
	require.NoError(t, err)
	read := 0
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		if raw, err := os.ReadFile(path); err != nil || !strings.Contains(string(raw), `"usage"`) || !strings.Contains(string(raw), "text/event-stream") {
			continue
		}
		out, err := harness.Runner{Client: serve(t, recorded(t, name))}.Run(t.Context(), harness.Scenario{Dataset: once{}, Load: harness.Open{Arrivals: arrival.AtOnce{}, Requests: 1}})
		require.NoError(t, err)
		for r := range out.Records {
			assert.Empty(t, r.CountFault, name)
			read++
		}
	}
	assert.Greater(t, read, 10)
}
