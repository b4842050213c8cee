package openai

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/harness/wire"
)

// recognised is the software that a server is, by its answer to the question for its models, or else by what only one
// software answers to. It is asked for no more than that.
func (c *Client) recognised(ctx context.Context, listed client.Reply) servers.Software {
	seen := servers.Seen{Header: listed.Header}
	if at, err := url.Parse(c.URL); err == nil {
		seen.Host = at.Hostname()
	}
	for _, card := range gjson.GetBytes(listed.Body, "data").Array() {
		seen.Owners = append(seen.Owners, card.Get("owned_by").Str)
	}
	software := servers.Recognise(seen)
	if software.Kind != servers.Unknown || ofMock(listed) {
		return software
	}
	for _, s := range servers.Probed() {
		if answer, ok := c.object(ctx, s.Marks.Probe.Path); ok && !slices.ContainsFunc(s.Marks.Probe.Fields, func(field string) bool { return !answer.Get(field).Exists() }) {
			return s
		}
	}
	return software
}

// release is the version that a server reports; "" where it reports none.
func (c *Client) release(ctx context.Context, of servers.Software, listed client.Reply) string {
	if of.Release.Header != "" {
		return client.Excerpt(listed.Header.Get(of.Release.Header))
	}
	for _, path := range of.Release.Paths {
		if answer, ok := c.object(ctx, path); ok && answer.Get(of.Release.Field).Exists() {
			return client.Excerpt(wire.Word(answer.Get(of.Release.Field)))
		}
	}
	return ""
}

// object is the object that a server has at a path, if any.
func (c *Client) object(ctx context.Context, path string) (gjson.Result, bool) {
	answer, err := c.Get(ctx, path)
	c.mocked = c.mocked || err == nil && ofMock(answer)
	if err != nil || answer.Status != http.StatusOK || !wire.IsJSON(answer.Body) {
		return gjson.Result{}, false
	}
	object := gjson.ParseBytes(answer.Body)
	return object, object.IsObject()
}
