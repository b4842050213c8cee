package responses_test

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
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/responses"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// A readAnswer is what OpenAI's client made of an answer.
type readAnswer struct {
	Text, Reasoning, Refusal, Status, Error string
	Input, Output, Cached                   int
}

// situations are answers that a server may give, as streams.
func situations() map[string]string {
	message := `{"type":"response.output_item.added","output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","status":"in_progress","content":[]}}`
	completed := strings.Replace(done, `{"type":"message"}`, `{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Red fox","annotations":[]}]}`, 1)
	return map[string]string{
		"text":            events(created, message, red, fox, completed),
		"lines with CRLF": strings.ReplaceAll(events(created, message, red, fox, completed), "\n", "\r\n"),
		"comments":        ": wiretest.Hello()\n\n" + events(created, message, red, fox, completed),
		"a limit":         events(created, message, red, limited),
		"OpenAI's limit":  events(created, message, red, strings.Replace(limited, "response.completed", "response.incomplete", 1)),
		"reasoning":       events(created, `{"type":"response.reasoning_text.delta","content_index":0,"output_index":0,"item_id":"r","delta":"Hm"}`, red, completed),
		"a refusal":       events(created, `{"type":"response.refusal.delta","content_index":0,"output_index":0,"item_id":"m","delta":"No"}`, completed),
		"a call": events(created, `{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"f","call_id":"c","name":"weather","arguments":"","status":"in_progress"}}`,
			`{"type":"response.function_call_arguments.delta","output_index":0,"item_id":"f","delta":"{\"city\":\"Ulm\"}"}`,
			strings.Replace(done, `{"type":"message"}`, `{"type":"function_call","id":"f","call_id":"c","name":"weather","arguments":"{\"city\":\"Ulm\"}","status":"completed"}`, 1)),
		"an error event":    events(created, message, red, `{"type":"error","code":"c","message":"too many","param":null}`),
		"a failed response": events(created, `{"type":"response.failed","response":{"id":"r","status":"failed","output":[],"error":{"code":"server_error","message":"out of blocks"}}}`),
		"cut short":         events(created, message, red),
	}
}

// TestAnswers_areReadAsOtherClientsReadThem holds what we make of responses against OpenAI's own client: of the
// mock's, so that it and we are not right together only, and of streams that the mock does not send.
func TestAnswers_areReadAsOtherClientsReadThem(t *testing.T) {
	if err := exec.Command("python3", "-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('openai') is None)").Run(); err != nil {
		t.Skip("OpenAI's client is not here; to run this test: pip install openai")
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
		c := responses.New(&openai.Client{Endpoint: client.Endpoint{URL: cases[i].URL}, Model: "tiny", AtOnce: !cases[i].Stream})
		prompt := wiretest.Hello()
		if cases[i].Tool {
			prompt.Extra = map[string]json.RawMessage{"tools": json.RawMessage(`[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]`)}
		}
		ours := wiretest.Ask(c, prompt)
		c.Close()
		if ours.Failure != "" {
			assert.True(t, theirs.Error != "" || theirs.Status == "", "%s: we say %s, %s", names[i], ours.Failure, ours.Says)
			assert.Contains(t, ours.Says, theirs.Error, names[i])
			continue
		}
		require.NotNil(t, ours.Usage, names[i])
		assert.Equal(t, strings.Contains(names[i], "think"), ours.Reasoning != "" && !strings.Contains(names[i], "reasoning"), names[i])
		finish := map[string]string{"completed": "stop", "incomplete": "length"}[theirs.Status]
		if strings.Contains(theirs.Text, "weather{") {
			finish = "tool_calls"
		}
		assert.Equal(t, theirs, readAnswer{ours.Text + ours.Call, ours.Reasoning, ours.Refusal, theirs.Status, "", ours.Usage.PromptTokens, ours.Usage.OutputTokens, ours.Usage.CachedTokens}, names[i])
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
