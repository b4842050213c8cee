package harness_test

import (
	"context"
	"encoding/json"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
)

// tokenizer answers after a second, and counts the tokens of a prompt: four bytes each.
type tokenizer struct{}

func (tokenizer) Ask(_ context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	tokens := len(p.TokenIDs) + len(p.Text)/4
	for _, m := range p.Messages {
		tokens += 4 + (len(m.Content)+len(m.Whole))/4
	}
	return func(yield func(harness.Chunk, error) bool) {
		time.Sleep(time.Second)
		yield(harness.Chunk{At: time.Now(), Text: "an answer", Finish: "stop", Usage: &harness.Usage{PromptTokens: tokens, OutputTokens: 1, CachedTokens: harness.Unreported, ReasoningTokens: harness.Unreported}}, nil)
	}
}

// inTurn is conversations, one after the other, again and again.
type inTurn []harness.Conversation

func (d inTurn) Conversations(*rand.Rand) (iter.Seq[harness.Conversation], error) {
	return func(yield func(harness.Conversation) bool) {
		for {
			for _, c := range d {
				if !yield(c) {
					return
				}
			}
		}
	}, nil
}

func single(p harness.Prompt) harness.Conversation {
	return harness.Conversation{Turns: []harness.Prompt{p}}
}

// shareable asks n requests, every so often, and returns how much of each can have been
// asked before.
func shareable(t *testing.T, n int, every time.Duration, d harness.Dataset) (out []int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		instants := make([]time.Duration, n)
		for i := range instants {
			instants[i] = time.Duration(i) * every
		}
		run, err := harness.Runner{Client: tokenizer{}}.Run(t.Context(), harness.Scenario{Dataset: d,
			Load: harness.Open{Arrivals: arrival.Listed{Instants: instants}, Requests: n}})
		require.NoError(t, err)
		for r := range run.Records {
			out = append(out, r.ShareableTokens)
		}
	})
	return out
}

func ids(n, from int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = from + i
	}
	return out
}

func TestSharing_ofPrompts(t *testing.T) {
	long := strings.Repeat("All work and no play makes a dull text. ", 100)
	prefixed := func(from int) harness.Prompt { return harness.Prompt{TokenIDs: append(ids(64, 0), ids(200, from)...)} }
	of := func(ids []int, change func(*harness.Prompt)) harness.Prompt {
		p := harness.Prompt{TokenIDs: ids}
		change(&p)
		return p
	}
	chat := func(texts ...string) (p harness.Prompt) {
		for _, text := range texts {
			p.Messages = append(p.Messages, harness.Message{Role: "user", Content: text})
		}
		return p
	}
	for name, c := range map[string]struct {
		prompts []harness.Prompt
		least   []int // tokens of each that can be shared
		most    []int
	}{
		"different prompts":  {[]harness.Prompt{{TokenIDs: ids(200, 0)}, {TokenIDs: ids(200, 1000)}}, []int{0, 0}, []int{0, 0}},
		"the same one again": {[]harness.Prompt{{TokenIDs: ids(200, 0)}, {TokenIDs: ids(200, 0)}}, []int{0, 192}, []int{0, 200}},
		"a beginning":        {[]harness.Prompt{prefixed(1000), prefixed(2000)}, []int{0, 64}, []int{0, 68}},
		"less than a block":  {[]harness.Prompt{{TokenIDs: append(ids(15, 0), ids(100, 500)...)}, {TokenIDs: append(ids(15, 0), ids(100, 900)...)}}, []int{0, 0}, []int{0, 0}},
		"another adapter":    {[]harness.Prompt{{TokenIDs: ids(200, 0)}, of(ids(200, 0), func(p *harness.Prompt) { p.Model = "sql" })}, []int{0, 0}, []int{0, 0}},
		"another salt":       {[]harness.Prompt{{TokenIDs: ids(200, 0)}, of(ids(200, 0), func(p *harness.Prompt) { p.CacheSalt = "b" })}, []int{0, 0}, []int{0, 0}},
		"another salt of a line": {[]harness.Prompt{{TokenIDs: ids(200, 0)}, of(ids(200, 0), func(p *harness.Prompt) {
			p.Extra = map[string]json.RawMessage{"cache_salt": json.RawMessage(`"a line's"`)}
		})}, []int{0, 0}, []int{0, 0}},
		"a very long prompt":        {[]harness.Prompt{{TokenIDs: ids(50_000, 0)}, {TokenIDs: append(ids(40_000, 0), ids(10_000, 200_000)...)}}, []int{0, 40_000}, []int{0, 42_500}},
		"half of a text":            {[]harness.Prompt{{Text: long}, {Text: long[:2000] + strings.ToUpper(long[2000:])}}, []int{0, 500}, []int{16, 640}},
		"a system prompt of a chat": {[]harness.Prompt{chat(long, "one"), chat(long, "two")}, []int{0, 1000}, []int{64, 1008}},
		"tools of a chat": {[]harness.Prompt{of(nil, func(p *harness.Prompt) {
			*p = chat("one")
			p.Extra = map[string]json.RawMessage{"tools": json.RawMessage(`"` + long + `"`)}
		}), of(nil, func(p *harness.Prompt) {
			*p = chat("two")
			p.Extra = map[string]json.RawMessage{"tools": json.RawMessage(`"` + long + `"`)}
		})}, []int{0, 4}, []int{4, 4}},
		"images": {[]harness.Prompt{{Messages: []harness.Message{{Role: "user", Whole: json.RawMessage(`{"content":[{"type":"image_url"}]}`)}}}}, []int{harness.Unreported}, []int{harness.Unreported}},
	} {
		t.Run(name, func(t *testing.T) {
			var d inTurn
			for _, p := range c.prompts {
				d = append(d, single(p))
			}
			got := shareable(t, len(c.prompts), time.Second, d)
			require.Len(t, got, len(c.most))
			for i := range got {
				assert.GreaterOrEqual(t, got[i], c.least[i])
				assert.LessOrEqual(t, got[i], c.most[i])
			}
		})
	}
}

func TestSharing_eachOfOneInstantMayBeTheLaterOne(t *testing.T) {
	same := inTurn{single(harness.Prompt{TokenIDs: ids(160, 0)})}
	assert.Equal(t, slices.Repeat([]int{160}, 20), shareable(t, 20, 0, same))
	assert.Equal(t, []int{0, 160, 160}, shareable(t, 3, time.Millisecond, same), "those before it need not have been answered")
}

func TestSharing_laterTurnFindsWhatWasSaid(t *testing.T) {
	long := strings.Repeat("A question goes on and on. ", 40)
	turn := func(text string) harness.Prompt {
		return harness.Prompt{Messages: []harness.Message{{Role: "user", Content: text}}}
	}
	got := shareable(t, 2, time.Minute, inTurn{{GoesOn: true, Turns: []harness.Prompt{turn(long), turn("short")}}})
	require.Len(t, got, 2)
	assert.LessOrEqual(t, got[0], 64, "of the first turn there is the template's head only")
	assert.GreaterOrEqual(t, got[1], len(long)/4, "the second begins with the first and its answer")
}

func TestSharing_atOneInstantIsDeterministic(t *testing.T) {
	ask := func() (out []int) {
		synctest.Test(t, func(t *testing.T) {
			d := inTurn{single(harness.Prompt{TokenIDs: ids(160, 0)}), single(harness.Prompt{TokenIDs: append(ids(80, 0), ids(80, 500)...)})}
			run, err := harness.Runner{Client: tokenizer{}}.Run(t.Context(), harness.Scenario{Dataset: d, Load: harness.Closed{Users: 20, Requests: 200}})
			require.NoError(t, err)
			for r := range run.Records {
				out = append(out, r.Seq, r.ShareableTokens)
			}
		})
		return out
	}
	first := ask()
	require.Len(t, first, 400)
	for range 5 {
		assert.Equal(t, first, ask())
	}
}
