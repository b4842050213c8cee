package openai_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// A gateway is a server that lists some models, has some paths and takes some fields.
type gateway struct {
	models  string   // body of /v1/models; "": it has no such path
	paths   []string // that it has
	refuses []string // fields
	says    string   // of a refusal; %s is the field

	mu   sync.Mutex
	seen []string // fields of the last request
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fail := func(status int, said string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":{"message":%q}}`, said)
	}
	if r.URL.Path == "/v1/models" && g.models != "" {
		io.WriteString(w, g.models)
		return
	}
	if !slices.Contains(g.paths, r.URL.Path) {
		fail(404, "Not Found")
		return
	}
	var body map[string]json.RawMessage
	json.NewDecoder(r.Body).Decode(&body)
	if string(body["model"]) == `"unknown"` {
		fail(404, "The model `unknown` does not exist.")
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = nil
	for name := range body {
		g.seen = append(g.seen, name)
	}
	for _, name := range g.refuses {
		field, part, _ := strings.Cut(name, ".")
		if _, sent := body[field]; sent && strings.Contains(string(body[field]), part) {
			fail(400, fmt.Sprintf(g.says, name))
			return
		}
	}
	stream(red, fox, done)(w, r)
}

var (
	firstChat = harness.Prompt{Messages: []harness.Message{{Role: "user", Content: "a long question"}}, MaxTokens: 64}
	tokens    = harness.Prompt{TokenIDs: []int{1000, 1001}, MaxTokens: 64, IgnoreEOS: true}
	chatPath  = []string{"/v1/chat/completions"}
	bothPaths = []string{"/v1/completions", "/v1/chat/completions"}
)

const listsTiny = `{"data":[{"id":"tiny"}]}`

func TestPreflight_firstRequestIsOneOfTheLoads(t *testing.T) {
	with := func(p harness.Prompt, change func(*harness.Prompt)) harness.Prompt { change(&p); return p }
	for name, test := range map[string]struct {
		*gateway
		model string
		asks  []harness.Prompt
		says  string // an error; "": none
		warns string
		sends []string
		omits []string
	}{
		"a chat": {gateway: &gateway{models: listsTiny, paths: chatPath}, asks: []harness.Prompt{firstChat},
			sends: []string{"messages", "max_completion_tokens"}, omits: []string{"ignore_eos", "min_tokens", "cache_salt"}},
		"neither, of a model that is listed": {gateway: &gateway{models: listsTiny, paths: []string{"/v1/embeddings"}}, asks: []harness.Prompt{tokens},
			says: "has no /v1/completions, or no such model there (http 404: Not Found)"},
		"chat only, token ids are asked, and tokens are not counted": {gateway: &gateway{models: listsTiny, paths: chatPath}, asks: []harness.Prompt{tokens},
			says: "has no /v1/completions, or no such model there (http 404: Not Found), and prompts of an exact length cannot be asked as chats of it: it has no /tokenize and does not say"},
		"chat only, and texts are asked": {gateway: &gateway{models: listsTiny, paths: chatPath}, asks: []harness.Prompt{{Text: "a", MaxTokens: 9}},
			warns: "the server has no /v1/completions: prompts are asked as chats", sends: []string{"messages", "max_completion_tokens"}, omits: []string{"prompt", "max_tokens"}},
		"ignore_eos is needed": {gateway: &gateway{models: listsTiny, paths: bothPaths, refuses: []string{"ignore_eos"}, says: "Unrecognized request argument supplied: %s"},
			asks: []harness.Prompt{with(firstChat, func(p *harness.Prompt) { p.IgnoreEOS = true })},
			says: "answers that run to their full length need ignore_eos, which the server at"},
		"ignore_eos is not asked for": {gateway: &gateway{models: listsTiny, paths: chatPath, refuses: []string{"ignore_eos"}, says: "no %s"}, asks: []harness.Prompt{firstChat}},
		"min_tokens alone is refused": {gateway: &gateway{models: listsTiny, paths: bothPaths, refuses: []string{"min_tokens"}, says: "extra field: %s"}, asks: []harness.Prompt{tokens},
			warns: "refuses min_tokens", sends: []string{"ignore_eos"}, omits: []string{"min_tokens"}},
		"no usage": {gateway: &gateway{models: listsTiny, paths: chatPath, refuses: []string{"stream_options"}, says: "%s: extra fields not permitted"}, asks: []harness.Prompt{firstChat},
			warns: "how many tokens prompts and answers had is known only if", omits: []string{"stream_options"}},
		"no usage, and it does not say so": {gateway: &gateway{models: listsTiny, paths: chatPath, refuses: []string{"stream_options"}, says: "Bad Request%.0s"}, asks: []harness.Prompt{firstChat},
			warns: "refuses stream_options", omits: []string{"stream_options"}},
		"an older limit": {gateway: &gateway{models: listsTiny, paths: chatPath, refuses: []string{"max_completion_tokens"}, says: "unknown field %s"}, asks: []harness.Prompt{firstChat},
			warns: "is asked with max_tokens", sends: []string{"max_tokens"}, omits: []string{"max_completion_tokens"}},
		"two at once": {gateway: &gateway{models: listsTiny, paths: chatPath, refuses: []string{"max_completion_tokens", "stream_options"}, says: "unknown field %s"}, asks: []harness.Prompt{firstChat},
			sends: []string{"max_tokens"}, omits: []string{"max_completion_tokens", "stream_options"}},
		"what a file asks for": {gateway: &gateway{models: listsTiny, paths: chatPath, refuses: []string{"top_k"}, says: "unknown field %s"},
			asks: []harness.Prompt{with(firstChat, func(p *harness.Prompt) { p.Extra = map[string]json.RawMessage{"top_k": json.RawMessage("5")} })},
			says: "what is asked holds top_k, which the server at"},
		"no list of models, and the model is named": {gateway: &gateway{paths: chatPath}, model: "m", asks: []harness.Prompt{firstChat}, warns: "has no /v1/models (404)"},
		"no list of models":                         {gateway: &gateway{paths: chatPath}, asks: []harness.Prompt{firstChat}, says: "set VLLM_MODEL to the one to ask for"},
		"a list of patterns": {gateway: &gateway{models: `{"data":[{"id":"openai/*"}]}`, paths: chatPath}, model: "openai/m", asks: []harness.Prompt{firstChat},
			warns: `does not serve the model "openai/m"`},
		"a model that is not there": {gateway: &gateway{models: `{"data":[{"id":"unknowns"}]}`, paths: chatPath}, model: "unknown", asks: []harness.Prompt{firstChat},
			says: `did you mean "unknowns"?`},
		"a second class": {gateway: &gateway{models: listsTiny, paths: chatPath}, asks: []harness.Prompt{firstChat, firstChat, {Text: "a", MaxTokens: 9}}, warns: "has no /v1/completions"},
	} {
		t.Run(name, func(t *testing.T) {
			g := test.gateway
			c := serve(t, g.ServeHTTP)
			c.Model = test.model
			server, err := c.Preflight(t.Context(), test.asks...)
			if test.says != "" {
				require.ErrorContains(t, err, test.says)
				return
			}
			require.NoError(t, err)
			if test.warns == "" && len(test.omits) < 2 {
				assert.Empty(t, server.Warnings)
			}
			assert.Contains(t, strings.Join(server.Warnings, "\n"), test.warns)
			require.NotEmpty(t, server.Model)
			c.Model = server.Model
			_, err = follow(c, test.asks[0]) // as the load asks
			require.NoError(t, err)
			g.mu.Lock()
			defer g.mu.Unlock()
			for _, field := range test.sends {
				assert.Contains(t, g.seen, field)
			}
			for _, field := range test.omits {
				assert.NotContains(t, g.seen, field)
			}
		})
	}
}

// TestFleet_asksReplicasAlike has one that refuses a field: bodies are made once for all.
func TestFleet_asksReplicasAlike(t *testing.T) {
	plain := &gateway{models: listsTiny, paths: chatPath}
	strict := &gateway{models: listsTiny, paths: chatPath, refuses: []string{"stream_options"}, says: "no %s"}
	f := openai.NewFleet(serve(t, plain.ServeHTTP), serve(t, strict.ServeHTTP))
	for _, c := range f.Replicas {
		c.Model = ""
	}
	about, err := f.Preflight(t.Context(), firstChat)
	require.NoError(t, err)
	assert.Len(t, about.Warnings, 1)
	prepared := f.Prepare(firstChat)
	for range 2 {
		for _, err := range f.Ask(t.Context(), prepared) {
			require.NoError(t, err)
		}
	}
}
