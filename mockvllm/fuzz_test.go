package mockvllm_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

// FuzzRequests holds the parsers to their promise that whatever a client sends
// is answered, with an error of ours or with an answer, and never by a panic.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{`{"prompt":"Hi","max_tokens":3}`, `{"prompt":[1,2],"stream":true,"stream_options":{"include_usage":true}}`,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"max_completion_tokens":2}`, `{"prompt":["a"],"n":2}`, `{`, `[]`, `{"prompt":null}`} {
		f.Add(seed)
	}
	for _, seed := range []string{`{"input":"a","dimensions":4,"encoding_format":"base64"}`, `{"text_1":"a","text_2":["b"]}`, `{"query":"a","documents":["b"],"top_n":1}`,
		`{"tokens":[1,128000]}`, `{"lora_name":"a","lora_path":"b"}`, `{"system":[{"type":"text","text":"a"}],"messages":[{"role":"user","content":"b"}],"max_tokens":1,"stop_sequences":["a"]}`,
		`{"messages":[{"role":"user","content":"b"}],"tools":[{"function":{"name":"f","parameters":{"type":"array"}}}],"tool_choice":"required","stream":true}`,
		`status status=503 share=5% header=a:b`, `{"prompt":"a","stop":["b"],"min_tokens":1,"max_tokens":9,"n":3,"cache_salt":"c","return_token_ids":true,"stream_interval":2}`} {
		f.Add(seed)
	}
	p := plain()
	p.A, p.C, p.D, p.Frontend = 0, 0, 0, 0
	s, err := mockvllm.New(mockvllm.Config{Profile: p, RuntimeAdapters: true, Reasoning: true, Development: true})
	require.NoError(f, err)
	s.Start()
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, sent string) {
		for _, path := range []string{"/v1/completions", "/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/messages/count_tokens", "/v1/embeddings",
			"/v1/score", "/v1/rerank", "/tokenize", "/detokenize", "/v1/load_lora_adapter", "/v1/unload_lora_adapter"} {
			ctx, leave := context.WithTimeout(t.Context(), time.Second)
			a := askContext(ctx, s, path, sent)
			leave()
			require.Contains(t, []int{200, 400, 404}, a.Code)
			if a.Code != 200 {
				require.True(t, json.Valid(a.Body.Bytes()), a.Body.String())
			}
		}
		if fault, err := mockvllm.ParseFault(sent); err == nil {
			again, err := mockvllm.ParseFault(fault.String())
			require.NoError(t, err, "%q", fault)
			require.Equal(t, fault, again)
		}
	})
}
