package mockvllm_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

func TestQueue_burstDoesNotPassItsBound(t *testing.T) {
	bubble(t, mockvllm.Config{Profile: plain(), MaxQueuedRequests: 2}, func(t *testing.T, s *mockvllm.Server) {
		codes := map[int]int{}
		for _, a := range together(s, 8, func(i int) body { return completion(ids(32, i), 50) }) {
			codes[a.Code]++
		}
		assert.Equal(t, map[int]int{200: 2, 503: 6}, codes, "also while they are on their way to the engine")
		assert.Equal(t, 200, ask(s, "/v1/completions", completion(ids(32, 1), 1)).Code, "and it is free again")
	})
}

func TestRequest_equalOnesAreSeveral(t *testing.T) {
	bubble(t, faulty(t, "status status=503 share=25%"), func(t *testing.T, s *mockvllm.Server) {
		seen, hits := map[any]bool{}, 0
		for range 400 {
			a := ask(s, "/v1/completions", body{"prompt": "healthcheck", "max_tokens": 1})
			if a.Code == 503 {
				hits++
				continue
			}
			var answer struct{ ID string }
			decode(t, a, &answer)
			seen[answer.ID] = true
		}
		assert.InDelta(t, 100, hits, 35, "four deviations")
		assert.Len(t, seen, 400-hits, "each has an id of its own")
	})
}

func TestAnswer_dependsOnWhatIsAsked(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: zero()})
	text := func(more body) string {
		a := ask(s, "/v1/completions", with(body{"prompt": "Tell me", "max_tokens": 8, "ignore_eos": true}, more))
		if events := a.events(); len(events) > 0 {
			all := ""
			for _, e := range events {
				all += e["choices"].([]any)[0].(map[string]any)["text"].(string)
			}
			return all
		}
		var whole struct{ Choices []struct{ Text string } }
		decode(t, a, &whole)
		return whole.Choices[0].Text
	}
	assert.Equal(t, text(body{}), text(body{"stream": true}))
	assert.Equal(t, text(body{}), text(body{"user": "x"}))
	assert.NotEqual(t, text(body{}), text(body{"seed": 5}))
	assert.NotEqual(t, text(body{}), text(body{"prompt": "Tell us"}))
}

func TestAnswer_inJSONIsJSON(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: zero()})
	schema := body{"type": "object", "properties": body{"city": body{"type": "string"}, "days": body{"type": "integer"}}}
	for _, stream := range []bool{false, true} {
		a := ask(s, "/v1/chat/completions", body{"messages": []body{{"role": "user", "content": "a"}}, "stream": stream,
			"response_format": body{"type": "json_schema", "json_schema": body{"schema": schema}}})
		said := ""
		for _, e := range a.events() {
			content, _ := e["choices"].([]any)[0].(map[string]any)["delta"].(map[string]any)["content"].(string)
			said += content
		}
		if !stream {
			var whole struct {
				Choices []struct{ Message struct{ Content string } }
			}
			decode(t, a, &whole)
			said = whole.Choices[0].Message.Content
		}
		assert.JSONEq(t, `{"city":"mock","days":1}`, said)
	}
}

func TestTools_arePartOfThePrompt(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: zero()})
	tokens := func(more body) float64 {
		var whole struct {
			Usage struct {
				Prompt float64 `json:"prompt_tokens"`
			}
		}
		decode(t, ask(s, "/v1/chat/completions", with(body{"messages": []body{{"role": "user", "content": "a"}}, "max_tokens": 1}, more)), &whole)
		return whole.Usage.Prompt
	}
	tool := body{"type": "function", "function": body{"name": "weather", "description": strings.Repeat("what it is like outside ", 100), "parameters": body{}}}
	assert.Greater(t, tokens(body{"tools": []body{tool}}), tokens(body{})+400)
	assert.Equal(t, 400, ask(s, "/v1/chat/completions", body{"messages": []body{{"role": "user", "content": "a"}}, "tool_choice": "required"}).Code)
	assert.Equal(t, 400, ask(s, "/v1/chat/completions", body{"messages": []any{nil}}).Code)
}

func TestSleep_endsInParts(t *testing.T) {
	s := start(t, mockvllm.Config{Profile: zero(), Development: true})
	sleeping := func() bool { return strings.Contains(get(s, "/is_sleeping").Body.String(), "true") }
	ask(s, "/sleep", "")
	ask(s, "/wake_up?tags=weights", "")
	assert.True(t, sleeping())
	assert.Equal(t, 400, ask(s, "/wake_up?tags=bogus", "").Code)
	ask(s, "/wake_up?tags=kv_cache", "")
	assert.False(t, sleeping())
}

// A counter counts what was written.
type counter struct{ n int }

func (c *counter) Write(b []byte) (int, error) { c.n += len(b); return len(b), nil }

func TestTruth_isWrittenDownSoon(t *testing.T) {
	var file counter
	log := mockvllm.NewTruthLog(&file)
	bubble(t, mockvllm.Config{Profile: plain(), Truth: log.Write}, func(t *testing.T, s *mockvllm.Server) {
		ask(s, "/v1/completions", completion(ids(32, 0), 3))
		time.Sleep(2 * time.Second)
		ask(s, "/v1/completions", completion(ids(32, 1), 3))
		assert.Positive(t, file.n)
	})
	require.NoError(t, log.Close())
	var out strings.Builder
	again := mockvllm.NewTruthLog(&out)
	again.Write(mockvllm.Truth{ID: "a", Tokens: []time.Time{time.Unix(1, 5)}})
	require.NoError(t, again.Close())
	var row map[string]any
	require.NoError(t, json.NewDecoder(io.LimitReader(strings.NewReader(out.String()), 1<<20)).Decode(&row))
	assert.Equal(t, []any{1000000005.0}, row["token_ns"])
	assert.Nil(t, row["received_ns"], "what did not come is null")
}
