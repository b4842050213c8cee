package messages_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/internal/wiretest"
	"github.com/vllmspec/vllmspec/harness/messages"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// A readAnswer is what Anthropic's client made of an answer.
type readAnswer struct {
	Text, Reasoning, Finish, Error string
	Input, Output, Cached          int
}

// situations are answers that a server may give, as streams.
func situations() map[string]string {
	tool := `{"type":"content_block_start","content_block":{"type":"tool_use","id":"c","name":"weather","input":{}},"index":0}`
	return map[string]string{
		"text":            events(start, block, red, fox, shut, delta, stop),
		"lines with CRLF": strings.ReplaceAll(events(start, block, red, fox, shut, delta, stop), "\n", "\r\n"),
		"comments":        ": wiretest.Hello()\n\n" + events(start, block, red, fox, shut, delta, stop),
		"a ping":          events(start, `{"type":"ping"}`, block, red, fox, shut, delta, stop),
		"a limit":         events(start, block, red, shut, strings.Replace(delta, "end_turn", "max_tokens", 1), stop),
		"thinking": events(start, `{"type":"content_block_start","content_block":{"type":"thinking","thinking":"","signature":""},"index":0}`, `{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"Hm"},"index":0}`,
			`{"type":"content_block_delta","delta":{"type":"signature_delta","signature":"ab"},"index":0}`, shut, strings.ReplaceAll(block, `"index":0`, `"index":1`), strings.ReplaceAll(red, `"index":0`, `"index":1`),
			strings.ReplaceAll(shut, `"index":0`, `"index":1`), delta, stop),
		"a call": events(start, tool, `{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"city\":"},"index":0}`,
			`{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"\"Ulm\"}"},"index":0}`, shut, strings.Replace(delta, "end_turn", "tool_use", 1), stop),
		"[DONE] after the end": events(start, block, red, fox, shut, delta, stop) + "data: [DONE]\n\n",
		"an error event":       events(start, block, red, `{"type":"error","error":{"type":"internal_error","message":"too many"}}`),
		"cut short":            events(start, block, red),
		"a reason and no end":  events(start, block, red, shut, delta),
	}
}

// TestAnswers_areReadAsOtherClientsReadThem holds what we make of messages against Anthropic's own client: of the
// mock's, so that it and we are not right together only, and of streams that the mock does not send.
func TestAnswers_areReadAsOtherClientsReadThem(t *testing.T) {
	if err := exec.Command("python3", "-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('anthropic') is None)").Run(); err != nil {
		t.Skip("Anthropic's client is not here; to run this test: pip install anthropic")
	}
	mux := http.NewServeMux()
	mux.Handle("/mock/", http.StripPrefix("/mock", mock(t, false)))
	mux.Handle("/thinking/", http.StripPrefix("/thinking", mock(t, true)))
	type asked struct {
		URL    string `json:"url"`
		Stream bool   `json:"stream"`
		Tool   bool   `json:"tool"`
	}
	names := []string{"the mock", "the mock, whole", "the mock that thinks", "the mock that thinks, whole", "the mock that calls", "the mock that calls, whole"}
	cases := []asked{{"/mock", true, false}, {"/mock", false, false}, {"/thinking", true, false}, {"/thinking", false, false}, {"/mock", true, true}, {"/mock", false, true}}
	for name, body := range situations() {
		path := fmt.Sprint("/case", len(cases))
		mux.HandleFunc(path+"/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, body)
		})
		names, cases = append(names, name), append(cases, asked{path, true, false})
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for i := range cases {
		cases[i].URL = server.URL + cases[i].URL
	}
	read := readByOthers(t, cases)
	require.Len(t, read, len(cases))
	for i, theirs := range read {
		c := messages.New(&openai.Client{Endpoint: client.Endpoint{URL: cases[i].URL}, Model: "tiny", AtOnce: !cases[i].Stream})
		prompt := wiretest.Hello()
		if cases[i].Tool {
			prompt.Extra = map[string]json.RawMessage{"tools": json.RawMessage(`[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]`)}
		}
		ours := wiretest.Ask(c, prompt)
		c.Close()
		if ours.Failure != "" {
			assert.NotEmpty(t, theirs.Error, "%s: we say %s, %s", names[i], ours.Failure, ours.Says)
			continue
		}
		require.NotNil(t, ours.Usage, names[i])
		assert.Equal(t, strings.Contains(names[i], "think"), ours.Reasoning != "" && !strings.Contains(names[i], "reasoning"), names[i])
		finish := map[string]string{"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls"}[theirs.Finish]
		assert.Equal(t, theirs, readAnswer{ours.Text + ours.Call, ours.Reasoning, theirs.Finish, "", ours.Usage.PromptTokens, ours.Usage.OutputTokens, ours.Usage.CachedTokens}, names[i])
		assert.Equal(t, finish, ours.Finish, names[i])
	}
}

func mock(t *testing.T, thinks bool) *mockvllm.Server {
	t.Helper()
	s, err := mockvllm.New(mockvllm.Config{PromptDetails: true, NoPrefixCache: true, Reasoning: thinks, Profile: mockvllm.Profile{Name: "tiny", GPU: "none", Blocks: 100, MaxSeqs: 8, MaxBatchedTokens: 2048, MaxModelLen: 1000}})
	require.NoError(t, err)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func readByOthers(t *testing.T, cases any) (read []readAnswer) {
	t.Helper()
	in, err := json.Marshal(cases)
	require.NoError(t, err)
	python := exec.Command("python3", "testdata/clients.py")
	python.Stdin = bytes.NewReader(in)
	var said bytes.Buffer
	python.Stderr = &said
	out, err := python.Output()
	require.NoError(t, err, said.String())
	require.NoError(t, json.Unmarshal(out, &read))
	return read
}
