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
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// A chatter is a server of chats only, whose tokens are words; some words are two.
type chatter struct {
	tokenizes bool
	template  int
	twice     string               // words with this in them are two tokens
	counts    func(tokens int) int // what it says of them; nil: what they are
	mu        sync.Mutex
	tokenized int
	chats     []string // that it was asked
}

func (c *chatter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Messages []struct{ Content string }
	}
	json.NewDecoder(r.Body).Decode(&body)
	c.mu.Lock()
	defer c.mu.Unlock()
	said := ""
	for _, m := range body.Messages {
		said += m.Content
	}
	switch {
	case r.URL.Path == "/v1/models":
		io.WriteString(w, listsTiny)
	case r.URL.Path == "/tokenize" && c.tokenizes:
		c.tokenized++
		fmt.Fprintf(w, `{"count":%d}`, c.tokens(said))
	case r.URL.Path == "/v1/chat/completions":
		c.chats = append(c.chats, said)
		tokens := c.tokens(said)
		if c.counts != nil {
			tokens = c.counts(tokens)
		}
		stream(red, fox, fmt.Sprintf("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":2}}\n\n", tokens), done)(w, r)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (c *chatter) tokens(text string) int {
	n := c.template
	for _, word := range strings.Fields(text) {
		n++
		if c.twice != "" && strings.Contains(word, c.twice) {
			n++
		}
	}
	return n
}

// seen is how often it tokenized, and what it was asked since this was last called.
func (c *chatter) seen() (tokenized int, chats []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tokenized, chats = c.tokenized, c.chats
	c.chats = nil
	return tokenized, chats
}

// ids are so many token ids, one of which is another for each salt.
func ids(n, salt int) harness.Prompt {
	p := harness.Prompt{MaxTokens: 4, IgnoreEOS: true, Tokens: n}
	for i := range n {
		p.TokenIDs = append(p.TokenIDs, 1000+(i*i)%977)
	}
	p.TokenIDs[n/8] += salt
	return p
}

func TestChat_ofAnExactLengthIsMadeOfWords(t *testing.T) {
	for name, c := range map[string]*chatter{
		"by its /tokenize":                {tokenizes: true, template: 29},
		"by its usage":                    {template: 5},
		"where some words are two tokens": {tokenizes: true, template: 11, twice: "th"},
		"where many words are two tokens": {template: 11, twice: "e"},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, c.ServeHTTP)
			server, err := client.Preflight(t.Context(), ids(100, 0))
			require.NoError(t, err)
			client.Model = server.Model
			assert.Equal(t, []string{"the server has no /v1/completions: prompts are asked as chats, with its chat template around them"}, server.Warnings)
			tokenized, answered := c.seen()
			if c.tokenizes {
				assert.LessOrEqual(t, len(answered), 4, "a server that tokenizes need not answer to be counted")
			}
			assert.Less(t, tokenized+len(answered), 240)
			for _, n := range []int{40, 100, 2000} {
				for salt := range 2 {
					chunks, err := follow(client, client.Prepare(ids(n, salt)))
					require.NoError(t, err)
					assert.Equal(t, n, chunks[len(chunks)-1].Usage.PromptTokens)
				}
				_, chats := c.seen()
				require.Len(t, chats, 2)
				first, second := strings.Fields(chats[0]), strings.Fields(chats[1])
				same := 0
				for same < len(first) && first[same] == second[same] {
					same++
				}
				assert.Equal(t, 1+n/8, same, "ids that are equal at the beginning are words that are")
			}
		})
	}
}

func TestChat_ofAnExactLengthIsRefusedWhereItCannotBe(t *testing.T) {
	for name, test := range map[string]struct {
		*chatter
		tokens int
		says   string
	}{
		"shorter than the template": {&chatter{tokenizes: true, template: 29}, 30, "prompts of 30 tokens cannot be asked as chats of tiny: with its chat template the shortest has 31"},
		"no word is a token":        {&chatter{counts: func(n int) int { return 3 * n }}, 100, "only 0 are one token each"},
		"not additive": {&chatter{counts: func(n int) int {
			if n > 400 {
				return n + n/10
			}
			return n
		}}, 100, "a prompt of 501 tokens was made of words, and the server counts 551 in it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := serve(t, test.ServeHTTP).Preflight(t.Context(), ids(test.tokens, 0))
			assert.ErrorContains(t, err, test.says)
		})
	}
}

func TestChat_ofAboutTheLengthPromisesNone(t *testing.T) {
	c := &chatter{counts: func(n int) int {
		if n > 400 {
			return n + n/100
		}
		return n
	}}
	client := serve(t, c.ServeHTTP)
	server, err := client.Preflight(t.Context(), ids(100, 0))
	require.NoError(t, err)
	assert.True(t, slices.ContainsFunc(server.Warnings, func(w string) bool { return strings.Contains(w, "up to 1.0 % longer or shorter") }), "%q", server.Warnings)
	assert.Zero(t, client.Prepare(ids(100, 0)).Tokens)
}

func TestFleet_replicasAreAskedOneWording(t *testing.T) {
	first, second := serve(t, (&chatter{tokenizes: true, template: 3}).ServeHTTP), serve(t, (&chatter{tokenizes: true, template: 3}).ServeHTTP)
	fleet := openai.NewFleet(first, second)
	_, err := fleet.Preflight(t.Context(), ids(100, 0))
	require.NoError(t, err)
	assert.True(t, fleet.Chats())
	assert.JSONEq(t, string(first.Prepare(ids(50, 0)).Request.(*client.Request).Body), string(second.Prepare(ids(50, 0)).Request.(*client.Request).Body))
}
