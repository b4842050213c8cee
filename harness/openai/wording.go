package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/vllm"
	"github.com/vllmspec/vllmspec/harness/wire"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// A wording makes chats of an exact length in tokens. A completion can be asked by token
// ids, so that its length is exact with any tokenizer; a chat takes text only. It is made
// of words of which each is one token of the model's, as the server itself has counted.
type wording struct {
	words    []string // each is one token after another word
	template int      // tokens of a chat of none of them: the chat template, and opening
	off      float64  // share by which a prompt may be longer or shorter; 0: none
}

// opening begins every chat, so that each of the words follows another one.
const opening = "Read"

// chat is the prompt of so many tokens whose words the ids choose: equal ids at a
// beginning are equal words there. Those that the template stands for are left out at the
// end, and one word is left at least.
func (w *wording) chat(ids []int) []harness.Message {
	var text strings.Builder
	text.WriteString(opening)
	for _, id := range ids[:max(1, len(ids)-w.template)] {
		text.WriteByte(' ')
		text.WriteString(w.words[id%len(w.words)])
	}
	return said(text.String())
}

func said(text string) []harness.Message {
	return []harness.Message{{Role: "user", Content: text}}
}

// asChat is a completion as the chat that is asked in its place, where the client asks
// chats only, or it has images and the like.
func (c *Client) asChat(p harness.Prompt) harness.Prompt {
	if !c.Chat && len(p.Media) == 0 {
		return p
	}
	return c.spoken(p)
}

func (c *Client) spoken(p harness.Prompt) harness.Prompt {
	switch {
	case p.Messages != nil:
		return p
	case p.TokenIDs == nil:
		p.Messages, p.Text = said(p.Text), ""
	case c.wording == nil: // not learnt yet, or it could not be: the server will count what it gets
		p.Messages, p.TokenIDs = said(opening+strings.Repeat(" word", len(p.TokenIDs))), nil
	default:
		p.Messages, p.TokenIDs = c.wording.chat(p.TokenIDs), nil
	}
	p.Messages[0].Media, p.Media = p.Media, nil
	return p
}

// How words are learnt: how many are counted in one request, how many requests there are at
// most, how many words are enough and how many must be found, how long the prompt is that
// checks the result, and by which share it may be off.
const (
	wordsAtATime  = 32
	wordQuestions = 200
	enoughWords   = 256
	leastWords    = 32
	triedWords    = 500
	mostOff       = 0.02
)

// learnWords finds the words of which chats of an exact length can be made.
func (c *Client) learnWords(ctx context.Context, model string) error {
	l := learning{client: c, model: model}
	l.tokenizes = l.canTokenize(ctx)
	template, err := l.count(ctx, nil)
	if err != nil {
		return err
	}
	all := Words()
	for len(all) > 0 && len(l.kept) < enoughWords && l.asked < wordQuestions {
		n := min(wordsAtATime, len(all))
		if err := l.sift(ctx, template, all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	if len(l.kept) < leastWords {
		return fmt.Errorf("of %d words that were counted only %d are one token each", len(Words())-len(all), len(l.kept))
	}
	c.wording = &wording{words: l.kept, template: template}
	return l.try(ctx, c.wording)
}

// A learning asks a server how many tokens words are.
type learning struct {
	client    *Client
	model     string
	tokenizes bool // the server has /tokenize
	asked     int
	kept      []string // words of one token
}

// sift keeps those of the words that are one token each.
func (l *learning) sift(ctx context.Context, template int, words []string) error {
	tokens, err := l.count(ctx, words)
	if err != nil {
		return err
	}
	switch {
	case tokens-template == len(words):
		l.kept = append(l.kept, words...)
		return nil
	case len(words) == 1 || l.asked >= wordQuestions:
		return nil
	}
	half := len(words) / 2
	return errors.Join(l.sift(ctx, template, words[:half]), l.sift(ctx, template, words[half:]))
}

// try holds a prompt of the words against what the server counts in it.
func (l *learning) try(ctx context.Context, w *wording) error {
	r := rand.New(rand.NewPCG(1, 2))
	words := make([]string, triedWords)
	for i := range words {
		words[i] = w.words[r.IntN(len(w.words))]
	}
	tokens, err := l.count(ctx, words)
	if err != nil {
		return err
	}
	should := w.template + len(words)
	if w.off = math.Abs(float64(tokens-should)) / float64(should); w.off > mostOff {
		l.client.wording = nil
		return fmt.Errorf("a prompt of %d tokens was made of words, and the server counts %d in it", should, tokens)
	}
	return nil
}

// count is how many tokens a chat of the words is.
func (l *learning) count(ctx context.Context, words []string) (int, error) {
	l.asked++
	text := strings.Join(append([]string{opening}, words...), " ")
	if l.tokenizes {
		if tokens, ok := l.tokenized(ctx, text); ok {
			return tokens, nil
		}
		return 0, errors.New("its /tokenize answers no longer")
	}
	usage, err := l.client.usage(ctx, harness.Prompt{Messages: said(text), MaxTokens: 1, Model: l.model})
	if err == nil && usage.PromptTokens <= 0 {
		err = errors.New("it has no /tokenize and does not say how many tokens a prompt has")
	}
	return usage.PromptTokens, err
}

// canTokenize reports whether the server has vLLM's /tokenize, and counts there what it
// counts in a chat that it answers.
func (l *learning) canTokenize(ctx context.Context) bool {
	tokens, ok := l.tokenized(ctx, opening)
	if !ok {
		return false
	}
	usage, err := l.client.usage(ctx, harness.Prompt{Messages: said(opening), MaxTokens: 1, Model: l.model})
	return err == nil && (usage.PromptTokens <= 0 || usage.PromptTokens == tokens)
}

// tokenized is how many tokens vLLM's /tokenize counts in a chat.
func (l *learning) tokenized(ctx context.Context, text string) (int, bool) {
	body, _ := json.Marshal(map[string]any{"model": l.model, "messages": said(text), "add_generation_prompt": true}) // of strings
	reply, err := l.client.Send(ctx, http.MethodPost, vllm.Tokenize, bytes.NewReader(body))
	if err != nil || reply.Status != http.StatusOK || !wire.IsJSON(reply.Body) {
		return 0, false
	}
	count := gjson.GetBytes(reply.Body, "count")
	return int(count.Int()), count.Type == gjson.Number && count.Int() > 0 && count.Int() <= limit.Tokens
}

// wordsTimeout bounds how long words are learnt.
const wordsTimeout = 2 * time.Minute

// chats lets the client ask chats in place of completions, of which those by token ids
// become chats of as many tokens.
func (c *Client) chats(ctx context.Context, server *Server, asks []harness.Prompt) error {
	ctx, cancel := context.WithTimeout(ctx, wordsTimeout)
	defer cancel()
	c.Chat = true
	shortest := 0
	for _, p := range asks {
		if n := len(p.TokenIDs); n > 0 && (shortest == 0 || n < shortest) {
			shortest = n
		}
	}
	if shortest == 0 {
		return nil
	}
	if c.wording != nil { // another replica's, which serves the same model
		return nil
	}
	if err := c.learnWords(ctx, server.Model); err != nil {
		return fmt.Errorf("prompts of an exact length cannot be asked as chats of it: %w; draw conversations from a file instead", err)
	}
	if least := c.wording.template + 1; shortest < least {
		return fmt.Errorf("prompts of %d tokens cannot be asked as chats of %s: with its chat template the shortest has %d", shortest, server.Model, least)
	}
	if c.wording.off > 0 {
		server.Warnings = append(server.Warnings, fmt.Sprintf("prompts are chats, made of words: they are up to %.1f %% longer or shorter than the scenario says, as the server counts them", 100*c.wording.off))
	}
	return nil
}
