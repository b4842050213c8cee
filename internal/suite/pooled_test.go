package suite_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestPooled_isRefusedBeforeTheLoad has a server without the interface, and rows about tokens that nothing generates.
func TestPooled_isRefusedBeforeTheLoad(t *testing.T) {
	t.Run("a server without it", func(t *testing.T) {
		r := feature(t, guest("llama-3.1-8b", "texts of 64 tokens are embedded, 4 at a time", "20", "40 requests", "      | error rate | none |\n"),
			"VLLM_URL="+without(t, mockedFor(t), "/v1/embeddings", "/openapi.json"))
		assert.False(t, r.passed)
		assert.Contains(t, r.output, `does not serve "embeddings", or not for this model (http 404`)
		assert.Contains(t, r.output, `it serves "completions", "chat", "responses", "messages", "generate", "classify", "pooling", "score", "rerank", "transcriptions" and "translations"`)
	})
	t.Run("a server with it", func(t *testing.T) {
		r := feature(t, guest("llama-3.1-8b", "texts of 64 tokens are embedded, 4 at a time", "20", "40 requests", "      | mean inputs | exactly 4 |\n      | error rate | none |\n"),
			"VLLM_URL="+mockedFor(t))
		assert.True(t, r.passed, r.output)
	})
	t.Run("a row about tokens", func(t *testing.T) {
		r := feature(t, guest("llama-3.1-8b", "texts of 64 tokens are embedded", "20", "40 requests", "      | p99 TTFT | at most 1 s |\n"))
		assert.False(t, r.passed)
		assert.Contains(t, r.output, `TTFT has no meaning over "embeddings": no token is generated; these have one: E2E latency,`)
	})
}
