package openai

import (
	"context"
	"fmt"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
)

// A Fleet is the replicas of one server: they are asked in turn, and serve one model.
type Fleet struct {
	client.Fleet[*Client]
}

// NewFleet is the fleet of some replicas, at least one.
func NewFleet(replicas ...*Client) *Fleet {
	return &Fleet{client.Fleet[*Client]{Replicas: replicas}}
}

// Preflight finds out what [Client.Preflight] does, of every replica, and that
// they all serve one model, which is asked for from then on. What it returns holds no
// secret, and no more than text.
func (f *Fleet) Preflight(ctx context.Context, asks ...harness.Prompt) (Server, error) {
	return f.learn(func(c *Client) (Server, error) { return c.Preflight(ctx, asks...) })
}

// Find finds out what Preflight does, without an answer: that is left to who asks over another
// interface.
func (f *Fleet) Find(ctx context.Context) (Server, error) {
	return f.learn(func(c *Client) (Server, error) {
		server, unlisted, err := c.find(ctx)
		if unlisted != nil {
			server.Warnings = append(server.Warnings, fmt.Sprintf("%v; VLLM_MODEL is asked for all the same", unlisted))
		}
		return server, err
	})
}

func (f *Fleet) learn(of func(*Client) (Server, error)) (Server, error) {
	all, err := f.preflight(of)
	return f.Replicas[0].shown(all), f.Replicas[0].CleanError(err)
}

func (f *Fleet) preflight(of func(*Client) (Server, error)) (Server, error) {
	var all Server
	var spoken dialect
	var chats *Client // one that is asked chats only: then all are
	for i, c := range f.Replicas {
		if chats != nil {
			c.Chat, c.wording = true, chats.wording
		}
		one, err := of(c)
		if err != nil {
			return Server{}, err
		}
		switch {
		case i == 0:
			all = one
		case one.Model != all.Model:
			return Server{}, fmt.Errorf("the server at %s serves %q and the one at %s %q; replicas serve one model: set VLLM_MODEL to one that all of them have", f.Replicas[0].Where(), all.Model, c.Where(), one.Model)
		case one.MaxModelLen > 0:
			all.MaxModelLen = min(all.MaxModelLen, one.MaxModelLen)
		}
		all.Mock = all.Mock || one.Mock
		all.Answered = max(all.Answered, one.Answered)
		if i > 0 {
			all.Warnings = append(all.Warnings, one.Warnings...)
		}
		c.Model, spoken = one.Model, spoken.and(c.dialect)
		if c.Chat {
			chats = c
		}
	}
	for _, c := range f.Replicas { // a body is made once for all of them
		c.dialect = spoken
		if chats != nil {
			c.Chat, c.wording = true, chats.wording
		}
	}
	slices.Sort(all.Warnings)
	all.Warnings = slices.Compact(all.Warnings)
	return all, nil
}

// Chat lets all of them ask chats in place of completions.
func (f *Fleet) Chat() {
	for _, c := range f.Replicas {
		c.Chat = true
	}
}

// AtOnce asks all of them for answers in one piece.
func (f *Fleet) AtOnce(yes bool) {
	for _, c := range f.Replicas {
		c.AtOnce = yes
	}
}

// Chats reports whether chats are asked in place of completions.
func (f *Fleet) Chats() bool { return f.Replicas[0].Chat }

// CountTokens asks all of them how many tokens each chunk holds.
func (f *Fleet) CountTokens(yes bool) {
	for _, c := range f.Replicas {
		c.CountTokens = yes
	}
}
