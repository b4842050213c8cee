package openai

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/harness/vllm"
	"github.com/vllmspec/vllmspec/harness/wire"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// A Server is what a preflight learns of the server.
type Server struct {
	Model       string `json:"model"`
	MaxModelLen int    `json:"max_model_len,omitempty"`
	Version     string `json:"version,omitempty"`
	Mock        bool   `json:"mock,omitempty"` // by its own word: no real server

	Software servers.Kind `json:"software,omitempty"` // what it is; "" for the mock

	Card   json.RawMessage `json:"card,omitempty"`   // of the model, as the server lists it
	Config json.RawMessage `json:"config,omitempty"` // as it tells it in development mode

	Answered time.Duration `json:"-"` // how long a first answer of one token took
	Warnings []string      `json:"-"` // in which ways it is asked differently from vLLM
}

// firstTimeout is how long a preflight waits for a first answer, which may have to wait for
// kernels to be compiled.
const firstTimeout = 3 * time.Minute

// Preflight finds out before the load whether the server is there, accepts the credentials,
// serves the model and answers what will be asked: one token for each interface and set of
// fields among the prompts. A model that was set by name is asked for whatever the server
// lists. Its errors say what to do.
func (c *Client) Preflight(ctx context.Context, asks ...harness.Prompt) (Server, error) {
	server, unlisted, err := c.find(ctx)
	if err != nil {
		return server, err
	}
	err = c.tryAll(ctx, &server, asks)
	switch {
	case unlisted != nil && err != nil:
		return server, fmt.Errorf("%w; %w", err, unlisted)
	case unlisted != nil:
		server.Warnings = append(server.Warnings, fmt.Sprintf("%v; VLLM_MODEL is asked for all the same, and a first request was answered", unlisted))
	}
	return server, err
}

// find is the server as it describes itself, before it is asked for an answer. unlisted is why it may
// not have the model that is asked for all the same.
func (c *Client) find(ctx context.Context) (server Server, unlisted, err error) {
	listed, err := c.Get(ctx, "/v1/models")
	if err != nil {
		return Server{}, nil, c.Unreachable(ctx, err)
	}
	server, unlisted = c.listedModel(listed)
	switch {
	case unlisted != nil && (c.Model == "" || !c.mayServe(listed)):
		return Server{}, nil, unlisted
	case unlisted != nil:
		server = Server{Model: c.Model}
	}
	if servers.Deployment(c.URL) != "" {
		unlisted = nil // it lists no models
	}
	server.Mock = ofMock(listed)
	software := c.recognised(ctx, listed)
	c.software, server.Version = software, c.release(ctx, software, listed)
	if server.Mock = server.Mock || c.mocked; !server.Mock {
		server.Software = software.Kind
	}
	if about, err := c.Get(ctx, vllm.ServerInfo); err == nil && about.Status == http.StatusOK {
		server.Config = configured(about.Body)
	}
	return server, unlisted, nil
}

// listedModel is the model to ask for, as the server lists it.
func (c *Client) listedModel(listed client.Reply) (Server, error) {
	if err := c.understandable(listed.Status, listed.Body); err != nil {
		return Server{}, err
	}
	cards := gjson.GetBytes(listed.Body, "data").Array()
	for i, card := range cards {
		if err := c.named(card); err != nil {
			return Server{}, fmt.Errorf("the server at %s answers /v1/models with an entry that names no model (number %d: %w); look at what stands before it, or at its log", c.Where(), i+1, err)
		}
	}
	return c.choose(cards)
}

// mayServe reports whether a server that does not list a model may serve it: it lists
// models to others only, or not at all, or some of them under patterns.
func (c *Client) mayServe(listed client.Reply) bool {
	switch listed.Status {
	case http.StatusOK, http.StatusUnauthorized, http.StatusForbidden:
		return !wire.IsPage(listed.Body) && (listed.Status != http.StatusOK || gjson.GetBytes(listed.Body, "data").IsArray())
	}
	return missing(listed.Status)
}

// configured is the server's configuration, without its environment, which may hold
// what is not to be shown.
func configured(body []byte) json.RawMessage {
	config := gjson.GetBytes(body, "vllm_config")
	if !wire.IsJSON(body) || !config.Exists() || len(config.Raw) > limit.Config {
		return nil
	}
	return json.RawMessage(config.Raw)
}

func (c *Client) understandable(status int, body []byte) error {
	said := client.Excerpt(c.Redact(wire.Complaint(body[:min(len(body), limit.Stray)])), http.StatusText(status))
	switch {
	case status == http.StatusProxyAuthRequired:
		return fmt.Errorf("the server at %s cannot be reached: %s", c.Where(), c.ProxyLogin(said))
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && c.Token.Value() != "":
		return fmt.Errorf("the server at %s refuses the key it was given (%d: %s); set VLLM_API_KEY, VLLM_API_KEY_FILE or VLLM_API_KEY_COMMAND to a key it accepts", c.Where(), status, said)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Errorf("the server at %s refuses access (%d: %s); set VLLM_API_KEY to a key it accepts", c.Where(), status, said)
	case status == http.StatusBadRequest && strings.Contains(strings.ToLower(said), "https"):
		return fmt.Errorf("the server at %s speaks TLS (%d: %s); write https:// in VLLM_URL", c.Where(), status, said)
	case status == http.StatusServiceUnavailable || status == http.StatusBadGateway || status == http.StatusGatewayTimeout:
		return fmt.Errorf("the server at %s is not ready, or what stands before it cannot reach it (%d: %s); wait for its /health, or look at its log", c.Where(), status, said)
	case status == http.StatusNotFound:
		return fmt.Errorf("the server at %s has no /v1/models (404); is VLLM_URL the base address of vLLM, without /v1? Where a server lists no models, set VLLM_MODEL to the one to ask for", c.Where())
	case wire.IsPage(body):
		return fmt.Errorf("the server at %s answers with a web page (%d), not as vLLM does; is VLLM_URL right, or is a proxy or a login page in between?", c.Where(), status)
	case status != http.StatusOK:
		return fmt.Errorf("the server at %s answers /v1/models with status %d: %s; look at its log", c.Where(), status, said)
	case limit.TooDeep(body):
		return fmt.Errorf("the server at %s answers /v1/models with something that is no list of models: %s", c.Where(), wire.Nests("it", body))
	case !wire.IsJSON(body) || !gjson.GetBytes(body, "data").IsArray():
		return fmt.Errorf("the server at %s answers /v1/models with something that is no list of models: %s", c.Where(), said)
	}
	return nil
}

// ofMock reports whether the mock gave an answer, which says so in a header of its own.
func ofMock(r client.Reply) bool { return r.Header.Get("X-Mockvllm") != "" }

// shown is what a server tells of itself, without what is secret.
func (c *Client) shown(s Server) Server {
	s.Model, s.Version = c.CleanName(s.Model), c.CleanName(s.Version)
	for _, raw := range []*json.RawMessage{&s.Card, &s.Config} {
		if *raw != nil {
			*raw = c.KnownSecrets().JSON(*raw)
		}
	}
	for i := range s.Warnings {
		s.Warnings[i] = c.CleanName(s.Warnings[i])
	}
	return s
}
