package openai

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// saltOf is what keeps a prompt apart from others in a prefix cache: its salt, and the one
// that its line of a file brings, so that lines which share a salt still do.
func saltOf(p harness.Prompt) string {
	var own string
	if json.Unmarshal(p.Extra[saltMember], &own) != nil || own == "" {
		return p.CacheSalt
	}
	if p.CacheSalt == "" {
		return own
	}
	return p.CacheSalt + "/" + own
}

// saltOfMedia is that of what a prompt shows: the run's, also where the prompt has one of its own, so that prompts
// of a run can show the same.
func saltOfMedia(p harness.Prompt) string { return cmp.Or(p.MediaSalt, p.CacheSalt) }

const saltMember = "cache_salt"

// shuffled is how many tokens of a prompt are put into another order: a block of vLLM's.
const shuffled = 16

// apart is a prompt for a server that takes no salt. Its beginning is changed as a function
// of the salt: prompts with one salt still share their beginnings, and prompts with
// different salts share none. Prompts of token ids keep their length and their tokens; the
// first ones are reordered, but for the very first, which a model may need in its place.
// Texts and chats get a further line.
func apart(p harness.Prompt, salt string) harness.Prompt {
	hash := fnv.New64a()
	hash.Write([]byte(salt))
	line := fmt.Sprintf("[run %08x]\n", uint32(hash.Sum64()))
	switch {
	case p.TokenIDs != nil:
		ids := append([]int(nil), p.TokenIDs...)
		first := ids[min(1, len(ids)):min(shuffled, len(ids))]
		rand.New(rand.NewPCG(hash.Sum64(), 0x5a17)).Shuffle(len(first), func(i, j int) { first[i], first[j] = first[j], first[i] })
		p.TokenIDs = ids
	case len(p.Messages) > 0:
		p.Messages = append([]harness.Message(nil), p.Messages...)
		p.Messages[0] = begun(p.Messages[0], line)
	default:
		p.Text = line + p.Text
	}
	return p
}

// begun is a message with a further line at its beginning.
func begun(m harness.Message, line string) harness.Message {
	m.Content = line + m.Content
	if m.Whole == nil {
		return m
	}
	var whole map[string]json.RawMessage
	var text string
	var parts []json.RawMessage
	if json.Unmarshal(m.Whole, &whole) != nil {
		return m
	}
	switch content := whole["content"]; {
	case json.Unmarshal(content, &text) == nil:
		whole["content"], _ = json.Marshal(line + text)
	case json.Unmarshal(content, &parts) == nil:
		part, _ := json.Marshal(map[string]string{"type": "text", "text": line})
		whole["content"], _ = json.Marshal(append([]json.RawMessage{part}, parts...))
	}
	m.Whole, _ = json.Marshal(whole) // of JSON that was read, and strings
	return m
}

// probe is asked to see what a server makes of salts: some sixty tokens, of which three
// blocks can be found in a prefix cache.
var probe = strings.Repeat("The quick brown fox jumps over the lazy dog. ", 6)

// probeTokens is about how many tokens the probe has.
const probeTokens = 60

// ChatHead is how many tokens the chat template puts around what is said, as far as the
// probe of salts has shown; 0 where it has not.
func (f *Fleet) ChatHead() (most int) {
	for _, c := range f.Replicas {
		most = max(most, c.chatHead)
	}
	return most
}

// A HitCounter reads how many tokens the server has looked up in its prefix cache so far,
// and how many it has found.
type HitCounter func(context.Context) (queries, hits float64, ok bool)

// Salting finds out what the server makes of cache_salt, with two requests of one token
// each, and lets the prompts of all replicas begin differently where it makes nothing of
// it, or where it does not tell. Over are the clients that ask the replicas in place of these, over another
// interface, which may take no salts where chats do.
func (f *Fleet) Salting(ctx context.Context, chat bool, read HitCounter, over ...harness.Client) harness.Salting {
	for i, c := range f.Replicas {
		asks := harness.Client(c)
		if i < len(over) {
			asks = over[i]
		}
		if salting := c.salting(ctx, asks, chat, read); salting != harness.SaltsTaken {
			f.Unsalted()
			return salting
		}
	}
	return harness.SaltsTaken
}

// Unsalted lets prompts that are to share nothing begin differently, instead of having
// another cache_salt.
func (f *Fleet) Unsalted() {
	for _, c := range f.Replicas {
		c.Unsalted = true
	}
}

func (c *Client) salting(ctx context.Context, asks harness.Client, chat bool, read HitCounter) harness.Salting {
	ctx, cancel := context.WithTimeout(ctx, firstTimeout)
	defer cancel()
	prompt := harness.Prompt{Text: probe, MaxTokens: 1}
	if chat {
		prompt.Text, prompt.Messages = "", []harness.Message{{Role: "user", Content: probe}}
	}
	prompt.CacheSalt = fmt.Sprintf("probe %016x", rand.Uint64())
	first, err := usageOf(ctx, asks, prompt)
	if chat && first.PromptTokens > probeTokens {
		c.chatHead = first.PromptTokens - probeTokens
	}
	if err != nil {
		if !refused(err) {
			return harness.SaltsTaken // it is not the salt; the load will meet it
		}
		prompt.CacheSalt = ""
		if _, err := usageOf(ctx, asks, prompt); err == nil {
			return harness.SaltsRefused
		}
		return harness.SaltsTaken
	}
	for range probes {
		if salting, others := salted(ctx, asks, prompt, read); !others {
			return salting
		}
	}
	return harness.SaltsUnknown
}

// probes is how often a server is asked at most what it finds: others may ask meanwhile.
const probes = 2

// salted asks the probe again under another salt, and reads how much of it the server found
// in its cache. It reports whether others asked meanwhile, so that the counters mean nothing.
func salted(ctx context.Context, asks harness.Client, prompt harness.Prompt, read HitCounter) (of harness.Salting, others bool) {
	prompt.CacheSalt = fmt.Sprintf("probe %016x", rand.Uint64())
	queried, hit, counts := read(ctx)
	usage, err := usageOf(ctx, asks, prompt)
	if err != nil || usage.PromptTokens <= 0 {
		return harness.SaltsUnknown, false
	}
	found := float64(usage.CachedTokens)
	if usage.CachedTokens == harness.Unreported {
		queries, hits, ok := read(ctx)
		switch looked := queries - queried; {
		case !counts || !ok:
			return harness.SaltsUnknown, false
		case looked == 0:
			return harness.SaltsTaken, false // it looks nothing up: its prefix cache is off
		case looked != float64(usage.PromptTokens):
			return harness.SaltsUnknown, true
		}
		found = hits - hit
	}
	if found >= float64(usage.PromptTokens)/2 {
		return harness.SaltsIgnored, false
	}
	return harness.SaltsTaken, false
}

// usage asks a prompt, and returns what the server counted.
func (c *Client) usage(ctx context.Context, p harness.Prompt) (harness.Usage, error) {
	return usageOf(ctx, c, p)
}

func usageOf(ctx context.Context, asks harness.Client, p harness.Prompt) (usage harness.Usage, err error) {
	extent := harness.NewExtent(&p)
	for chunk, err := range asks.Ask(ctx, p) {
		if err == nil {
			err = extent.Take(&chunk)
		}
		if err != nil {
			return usage, err
		}
		if chunk.Usage != nil {
			usage = *chunk.Usage
		}
	}
	return usage, nil
}

// refused reports whether a server called a request wrong.
func refused(err error) bool {
	status := statusOf(err)
	return status >= 400 && status < 500 && status != http.StatusTooManyRequests
}

// statusOf is the status that a request failed with; 0 where there was none.
func statusOf(err error) int {
	if asked, ok := errors.AsType[*harness.AskError](err); ok {
		return asked.HTTPStatus
	}
	return 0
}
