package openai_test

import (
	"bytes"
	"context"
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

// prepared is the body that a client makes of a prompt.
func prepared(t *testing.T, c *openai.Client, p harness.Prompt) (body struct {
	CacheSalt any `json:"cache_salt"`
	Prompt    json.RawMessage
	Messages  []struct{ Content json.RawMessage }
}) {
	t.Helper()
	require.NoError(t, json.Unmarshal(c.Prepare(p).Request.(*client.Request).Body, &body))
	return body
}

func TestSalt_ofALineStaysWithinTheRuns(t *testing.T) {
	own := func(salt string) map[string]json.RawMessage {
		return map[string]json.RawMessage{"cache_salt": json.RawMessage(salt)}
	}
	c := new(openai.Client)
	assert.Nil(t, prepared(t, c, harness.Prompt{Text: "a"}).CacheSalt)
	assert.Equal(t, "run", prepared(t, c, harness.Prompt{Text: "a", CacheSalt: "run"}).CacheSalt)
	assert.Equal(t, "mine", prepared(t, c, harness.Prompt{Text: "a", Extra: own(`"mine"`)}).CacheSalt)
	assert.Equal(t, "run/mine", prepared(t, c, harness.Prompt{Text: "a", CacheSalt: "run", Extra: own(`"mine"`)}).CacheSalt)
	assert.Equal(t, "run", prepared(t, c, harness.Prompt{Text: "a", CacheSalt: "run", Extra: own(`""`)}).CacheSalt)
}

func TestSalt_whereRefusedPromptsBeginDifferently(t *testing.T) {
	c := &openai.Client{Unsalted: true}
	long := make([]int, 100)
	for i := range long {
		long[i] = 5000 + i
	}
	tokens := func(p harness.Prompt) (ids []int) {
		body := prepared(t, c, p)
		assert.Nil(t, body.CacheSalt)
		require.NoError(t, json.Unmarshal(body.Prompt, &ids))
		return ids
	}
	one, two := tokens(harness.Prompt{TokenIDs: long, CacheSalt: "one"}), tokens(harness.Prompt{TokenIDs: long, CacheSalt: "two"})
	assert.Equal(t, one, tokens(harness.Prompt{TokenIDs: long, CacheSalt: "one"}), "one salt, one beginning")
	assert.NotEqual(t, one[:16], two[:16])
	assert.NotEqual(t, long[:16], one[:16])
	assert.Equal(t, long[16:], one[16:])
	assert.Equal(t, long[0], one[0], "a model may want its first token where it is")
	assert.ElementsMatch(t, long, one, "the tokens are those that were to be asked")
	assert.Equal(t, 5000, long[0], "the prompt itself is not changed")
	assert.Equal(t, []int{7}, tokens(harness.Prompt{TokenIDs: []int{7}, CacheSalt: "one"}))
	assert.Equal(t, long, tokens(harness.Prompt{TokenIDs: long}), "nothing is to be kept apart")

	text := func(p harness.Prompt) (s string) {
		require.NoError(t, json.Unmarshal(prepared(t, c, p).Prompt, &s))
		return s
	}
	assert.Regexp(t, `^\[run [0-9a-f]{8}\]\nHello$`, text(harness.Prompt{Text: "Hello", CacheSalt: "one"}))
	assert.NotEqual(t, text(harness.Prompt{Text: "Hello", CacheSalt: "one"}), text(harness.Prompt{Text: "Hello", CacheSalt: "two"}))

	first := func(m harness.Message) string {
		body := prepared(t, c, harness.Prompt{Messages: []harness.Message{m, {Role: "user", Content: "b"}}, CacheSalt: "one"})
		require.Len(t, body.Messages, 2)
		assert.JSONEq(t, `"b"`, string(body.Messages[1].Content))
		return string(body.Messages[0].Content)
	}
	assert.Regexp(t, `^"\[run [0-9a-f]{8}\]\\na"$`, first(harness.Message{Role: "system", Content: "a"}))
	assert.Regexp(t, `^"\[run [0-9a-f]{8}\]\\na"$`, first(harness.Message{Role: "system", Whole: json.RawMessage(`{"role":"system","content":"a"}`)}))
	assert.Regexp(t, `^\[\{"text":"\[run [0-9a-f]{8}\]\\n","type":"text"\},\{"type":"image_url"\}\]$`,
		first(harness.Message{Role: "user", Whole: json.RawMessage(`{"role":"user","content":[{"type":"image_url"}]}`)}))
}

// A cache is a server with a prefix cache that keeps whole prompts: by their salts, or
// whatever their salts are.
type cache struct {
	caching
	sync.Mutex
	seen          []string
	queries, hits float64
	asked         int
}

// caching is how it does that, and what it tells of it.
type caching struct{ honours, tells, refuses, broken bool }

func (s *cache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	defer s.Unlock()
	raw, _ := io.ReadAll(r.Body)
	s.asked++
	if s.broken || s.refuses && bytes.Contains(raw, []byte(`"cache_salt"`)) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":{"message":"Extra inputs are not permitted"}}`)
		return
	}
	var body map[string]any
	_ = json.Unmarshal(raw, &body)
	key := fmt.Sprint(body["prompt"], body["messages"])
	if s.honours {
		key += fmt.Sprint(body["cache_salt"])
	}
	found := 0
	if slices.Contains(s.seen, key) {
		found = 48
	}
	s.seen = append(s.seen, key)
	s.queries, s.hits = s.queries+60, s.hits+float64(found)
	details := ""
	if s.tells {
		details = fmt.Sprintf(`,"prompt_tokens_details":{"cached_tokens":%d}`, found)
	}
	stream(`data: {"choices":[{"index":0,"text":"a","delta":{"content":"a"},"finish_reason":"length"}]}`+"\n\n",
		fmt.Sprintf(`data: {"choices":[],"usage":{"prompt_tokens":60,"completion_tokens":1%s}}`, details)+"\n\n", "data: [DONE]\n\n")(w, r)
}

func TestSalt_whatAServerMakesOfItIsFoundOut(t *testing.T) {
	for name, c := range map[string]struct {
		caching
		uncounted bool    // its counters cannot be read
		others    float64 // tokens that others look up meanwhile
		want      harness.Salting
		asked     int
	}{
		"honoured, and it tells":        {caching: caching{honours: true, tells: true}, want: harness.SaltsTaken, asked: 2},
		"honoured, by its counters":     {caching: caching{honours: true}, want: harness.SaltsTaken, asked: 2},
		"ignored, and it tells":         {caching: caching{tells: true}, uncounted: true, want: harness.SaltsIgnored, asked: 2},
		"ignored, by its counters":      {caching: caching{}, want: harness.SaltsIgnored, asked: 2},
		"others ask meanwhile":          {caching: caching{}, others: 500, want: harness.SaltsUnknown, asked: 3},
		"nothing is known":              {caching: caching{}, uncounted: true, want: harness.SaltsUnknown, asked: 2},
		"refused":                       {caching: caching{refuses: true}, want: harness.SaltsRefused, asked: 2},
		"it is not the salt it refuses": {caching: caching{broken: true}, want: harness.SaltsTaken, asked: 2},
	} {
		for _, chat := range []bool{false, true} {
			t.Run(strings.TrimSuffix(fmt.Sprint(name, " chat"), map[bool]string{false: " chat"}[chat]), func(t *testing.T) {
				s := &cache{caching: c.caching}
				client := serve(t, s.ServeHTTP)
				fleet := openai.NewFleet(client)
				read := func(context.Context) (queries, hits float64, ok bool) {
					s.Lock()
					defer s.Unlock()
					s.queries += c.others
					return s.queries, s.hits, !c.uncounted
				}
				assert.Equal(t, c.want, fleet.Salting(t.Context(), chat, read))
				assert.Equal(t, c.want != harness.SaltsTaken, client.Unsalted)
				s.Lock()
				defer s.Unlock()
				assert.Equal(t, c.asked, s.asked, "it costs two requests of one token, or three")
			})
		}
	}
}

func TestSalt_oneReplicaWithoutItDecidesForAll(t *testing.T) {
	good, old := &cache{caching: caching{honours: true, tells: true}}, &cache{caching: caching{refuses: true}}
	fleet := openai.NewFleet(serve(t, good.ServeHTTP), serve(t, old.ServeHTTP))
	assert.Equal(t, harness.SaltsRefused, fleet.Salting(t.Context(), false, func(context.Context) (float64, float64, bool) { return 0, 0, false }))
	for _, c := range fleet.Replicas {
		assert.True(t, c.Unsalted, "the body of a prompt is the same for all")
	}
}
