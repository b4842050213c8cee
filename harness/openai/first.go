package openai

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// A dialect is what a server refuses of a request's fields, and is asked without.
type dialect struct {
	noUsage     bool // stream_options
	noCounts    bool // stream_options.continuous_usage_stats
	oldLimit    bool // max_completion_tokens: a chat's limit is max_tokens
	noMinTokens bool // min_tokens beside ignore_eos
}

// and is what one or the other server refuses.
func (d dialect) and(other dialect) dialect {
	return dialect{d.noUsage || other.noUsage, d.noCounts || other.noCounts, d.oldLimit || other.oldLimit, d.noMinTokens || other.noMinTokens}
}

// A field is one that a server may refuse.
type field struct {
	names []string
	sent  bool
	drop  func(*dialect, *harness.Prompt)
	says  string // of a field that is left out
	needs string // what cannot be asked without it; "" where it is left out
}

// optional are the fields of a request that are not part of every server's interface. Those that
// others hold stand before them.
func (c *Client) optional(p harness.Prompt) []field {
	d := c.dialect
	fields := []field{
		{names: []string{"continuous_usage_stats"}, sent: !c.AtOnce && c.CountTokens && !d.noUsage && !d.noCounts,
			drop: func(d *dialect, _ *harness.Prompt) { d.noCounts = true },
			says: "the server refuses stream_options.continuous_usage_stats, and is asked without: how many tokens a chunk holds is not known"},
		{names: []string{"stream_options", "include_usage"}, sent: !c.AtOnce && !d.noUsage,
			drop: func(d *dialect, _ *harness.Prompt) { d.noUsage = true },
			says: "the server refuses stream_options.include_usage, and is asked without: how many tokens prompts and answers had is known only if it says so unasked"},
		{names: []string{"max_completion_tokens"}, sent: (p.Messages != nil || c.Chat) && p.MaxTokens > 0 && !d.oldLimit,
			drop: func(d *dialect, _ *harness.Prompt) { d.oldLimit = true },
			says: "the server refuses max_completion_tokens, and is asked with max_tokens"},
		{names: []string{"ignore_eos"}, sent: p.IgnoreEOS,
			drop:  func(_ *dialect, p *harness.Prompt) { p.IgnoreEOS = false },
			needs: "answers that run to their full length need ignore_eos%s; say how long answers are at most instead: And answers are at most 256 tokens long"},
		{names: []string{"min_tokens"}, sent: p.IgnoreEOS && !d.noMinTokens,
			drop: func(d *dialect, _ *harness.Prompt) { d.noMinTokens = true },
			says: "the server refuses min_tokens, and is asked without: that answers run to their full length is left to ignore_eos"},
		{names: []string{"min_tokens"}, sent: !p.IgnoreEOS && p.MinTokens > 0,
			drop:  func(_ *dialect, p *harness.Prompt) { p.MinTokens = 0 },
			needs: "what is asked has a least number of tokens, which needs min_tokens%s; take it out of what is asked"},
		{names: []string{"priority"}, sent: p.Priority != 0,
			drop:  func(_ *dialect, p *harness.Prompt) { p.Priority = 0 },
			needs: "a class of traffic with a priority needs priority%s; leave priorities out"},
	}
	for _, name := range slices.Sorted(maps.Keys(p.Extra)) {
		fields = append(fields, field{names: []string{name}, sent: true,
			drop:  func(_ *dialect, p *harness.Prompt) { p.Extra = maps.Clone(p.Extra); delete(p.Extra, name) },
			needs: "what is asked holds " + name + "%s; take it out of the file"})
	}
	return slices.DeleteFunc(fields, func(f field) bool { return !f.sent })
}

// shapes are short prompts, of one token's answer, that ask over the interfaces and with the fields of
// the ones given: one for each combination.
func shapes(asks []harness.Prompt) (all []harness.Prompt) {
	if len(asks) == 0 {
		return []harness.Prompt{{Text: "Hello", MaxTokens: 1, IgnoreEOS: true}} // the interface that every vLLM has
	}
	const most = 4
	seen := map[string]bool{}
	for _, p := range asks {
		p = harness.Prompt{Messages: p.Messages, Text: p.Text, TokenIDs: p.TokenIDs, MaxTokens: 1, MinTokens: min(1, p.MinTokens), IgnoreEOS: p.IgnoreEOS,
			Priority: p.Priority, Extra: maps.Clone(p.Extra)}
		switch delete(p.Extra, saltMember); {
		case p.Messages != nil:
			p.Messages = []harness.Message{{Role: "user", Content: "Hello"}}
		case p.TokenIDs != nil:
			p.TokenIDs = p.TokenIDs[:min(1, len(p.TokenIDs))]
		default:
			p.Text = "Hello"
		}
		extra, _ := json.Marshal(slices.Sorted(maps.Keys(p.Extra))) // of strings
		if shape := fmt.Sprint(p.Messages != nil, p.TokenIDs != nil, p.MinTokens, p.IgnoreEOS, p.Priority != 0, string(extra)); !seen[shape] && len(all) < most {
			seen[shape] = true
			all = append(all, p)
		}
	}
	return all
}

// tryAll asks each shape for one token, and without the fields that the server refuses
// and that can be done without.
func (c *Client) tryAll(ctx context.Context, server *Server, asks []harness.Prompt) error {
	ctx, cancel := context.WithTimeout(ctx, firstTimeout)
	defer cancel()
	if c.Chat {
		if err := c.chats(ctx, server, asks); err != nil {
			return err
		}
	}
	for _, p := range shapes(asks) {
		p.Model = server.Model
		err := c.try(ctx, server, p)
		if none, ok := c.noCompletions(p, err); ok && p.Messages == nil && !c.Chat {
			err = c.tryChats(ctx, server, p, asks, none)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// noCompletions is that a server has no completions, or none of the model.
func (c *Client) noCompletions(p harness.Prompt, err error) (*NoPathError, bool) {
	if none, ok := errors.AsType[*NoPathError](err); ok {
		return none, true
	}
	if c.software.RefusesCompletions && rejected(err) {
		return &NoPathError{Path: c.path(p), where: c.Where(), err: err}, true
	}
	return nil, false
}

// tryChats asks chats of a server that has no completions.
func (c *Client) tryChats(ctx context.Context, server *Server, p harness.Prompt, asks []harness.Prompt, none *NoPathError) error {
	c.Chat = true
	err := c.try(ctx, server, p)
	if err != nil && statusOf(err) == 0 { // some close the connection after a request that they refused
		err = c.try(ctx, server, p)
	}
	if needed, ok := errors.AsType[*neededError](err); ok {
		return needed
	}
	if err != nil {
		return none // it has no chats either, or not the model
	}
	server.Warnings = append(server.Warnings, "the server has no "+none.Path+": prompts are asked as chats, with its chat template around them")
	if err := c.chats(ctx, server, asks); err != nil {
		return fmt.Errorf("%w, and %w", none, err)
	}
	return nil
}

func (c *Client) try(ctx context.Context, server *Server, p harness.Prompt) error {
	for {
		began := time.Now()
		_, err := c.usage(ctx, p)
		if err == nil {
			server.Answered = max(server.Answered, time.Since(began))
			return nil
		}
		if !rejected(err) {
			return c.unanswered(p, err)
		}
		f, ok := c.refusedField(ctx, p, err)
		switch {
		case !ok:
			return c.unanswered(p, err)
		case f.needs != "":
			return &neededError{fmt.Sprintf(f.needs, fmt.Sprintf(", which the server at %s refuses (%v)", c.Where(), err))}
		}
		f.drop(&c.dialect, &p)
		server.Warnings = append(server.Warnings, f.says)
	}
}

// refusedField is the field for which a server rejects a request: one that it names, where
// it says something else without it, or any other without which it answers.
func (c *Client) refusedField(ctx context.Context, p harness.Prompt, rejection error) (field, bool) {
	fields := c.optional(p)
	named := func(f field) bool {
		return slices.ContainsFunc(f.names, func(name string) bool { return strings.Contains(rejection.Error(), name) })
	}
	slices.SortStableFunc(fields, func(a, b field) int { return cmp.Compare(one(named(b)), one(named(a))) })
	kept := c.dialect
	defer func() { c.dialect = kept }()
	for _, f := range fields {
		without := p
		c.dialect = kept
		f.drop(&c.dialect, &without)
		_, err := c.usage(ctx, without)
		if err == nil || named(f) && err.Error() != rejection.Error() {
			return f, true
		}
	}
	return field{}, false
}

// A neededError is that a server refuses a field which a sentence needs.
type neededError struct{ says string }

func (e *neededError) Error() string { return e.says }

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// rejected reports whether a server understood a request and called its contents wrong.
func rejected(err error) bool {
	return statusOf(err) == http.StatusBadRequest || statusOf(err) == http.StatusUnprocessableEntity
}

// unanswered is the error of a first request that cannot be asked otherwise.
func (c *Client) unanswered(p harness.Prompt, err error) error {
	path := c.path(p)
	switch status := statusOf(err); {
	case status >= 500 && status != http.StatusNotImplemented:
		return fmt.Errorf("the server at %s cannot answer a first request (%w) to %s; look at its log", c.Where(), err, path)
	case missing(status):
		return &NoPathError{Path: path, where: c.Where(), err: err}
	}
	return fmt.Errorf("a first request to %s of the server at %s did not succeed: %w", path, c.Where(), err)
}

// missing reports whether a status may mean that a server has no such path.
func missing(status int) bool {
	return status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented
}

// A NoPathError is that of a server which does not answer at the path of what is asked,
// or which does not have the model there.
type NoPathError struct {
	Path  string
	where string
	err   error
}

func (e *NoPathError) Error() string {
	return fmt.Sprintf("the server at %s has no %s, or no such model there (%v)", e.where, e.Path, e.err)
}

// Unwrap is what the server answered.
func (e *NoPathError) Unwrap() error { return e.err }
