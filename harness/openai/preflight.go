package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/spelling"
)

// A Server is what a preflight learns of the server.
type Server struct {
	Model       string `json:"model"`
	MaxModelLen int    `json:"max_model_len,omitempty"`
	Version     string `json:"version,omitempty"`

	Card   json.RawMessage `json:"card,omitempty"`   // of the model, as the server lists it
	Config json.RawMessage `json:"config,omitempty"` // as it tells it in development mode
}

// How long a preflight waits: a server that does not list its models soon is not
// there, and a first answer may have to wait for kernels to be compiled.
const (
	listTimeout  = 15 * time.Second
	firstTimeout = 3 * time.Minute
)

// Preflight finds out before the load whether the server is there, lets us in,
// serves the model and answers. Its errors say what to do.
func (c *Client) Preflight(ctx context.Context) (Server, error) {
	status, body, err := c.get(ctx, "/v1/models")
	if err != nil {
		if said := diagnosis(err); said != "" && ctx.Err() == nil {
			return Server{}, fmt.Errorf("the server at %s cannot be reached: %s", c.where(), c.redact(said))
		}
		return Server{}, fmt.Errorf("no server at %s (%w); start one, or unset VLLM_URL to use the mock", c.where(), c.failed(ctx, err))
	}
	if err := c.understandable(status, body); err != nil {
		return Server{}, err
	}
	server, err := c.choose(gjson.GetBytes(body, "data").Array())
	if err != nil {
		return Server{}, err
	}
	if status, body, err := c.get(ctx, "/version"); err == nil && status == http.StatusOK {
		server.Version = gjson.GetBytes(body, "version").String()
	}
	if status, body, err := c.get(ctx, "/server_info?config_format=json"); err == nil && status == http.StatusOK {
		server.Config = configured(body)
	}
	return server, c.tryOne(ctx, server.Model)
}

// mostConfig bounds what is kept of a server's configuration.
const mostConfig = 64 << 10

// configured is the server's configuration, without its environment, which may hold
// what is to be shown to nobody.
func configured(body []byte) json.RawMessage {
	config := gjson.GetBytes(body, "vllm_config")
	if !gjson.ValidBytes(body) || !config.Exists() || len(config.Raw) > mostConfig {
		return nil
	}
	return json.RawMessage(config.Raw)
}

func (c *Client) understandable(status int, body []byte) error {
	said := firstOf(c.redact(complaint(body)), http.StatusText(status))
	switch {
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && c.Token.Value() != "":
		return fmt.Errorf("the server at %s refuses the key it was given (%d: %s); set VLLM_API_KEY, VLLM_API_KEY_FILE or VLLM_API_KEY_COMMAND to a key it accepts", c.where(), status, said)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Errorf("the server at %s refuses access (%d: %s); set VLLM_API_KEY to a key it accepts", c.where(), status, said)
	case status == http.StatusBadRequest && strings.Contains(strings.ToLower(said), "https"):
		return fmt.Errorf("the server at %s speaks TLS (%d: %s); write https:// in VLLM_URL", c.where(), status, said)
	case status == http.StatusServiceUnavailable || status == http.StatusBadGateway || status == http.StatusGatewayTimeout:
		return fmt.Errorf("the server at %s is not ready, or what stands before it cannot reach it (%d: %s); wait for its /health, or look at its log", c.where(), status, said)
	case status == http.StatusNotFound:
		return fmt.Errorf("the server at %s has no /v1/models (404); is VLLM_URL the base address of vLLM, without /v1?", c.where())
	case isPage(body):
		return fmt.Errorf("the server at %s answers with a web page (%d), not as vLLM does; is VLLM_URL right, or is a proxy or a login page in between?", c.where(), status)
	case status != http.StatusOK:
		return fmt.Errorf("the server at %s answers /v1/models with status %d: %s; look at its log", c.where(), status, said)
	case !gjson.ValidBytes(body) || !gjson.GetBytes(body, "data").IsArray():
		return fmt.Errorf("the server at %s answers /v1/models with something that is no list of models: %s", c.where(), said)
	}
	return nil
}

func isPage(body []byte) bool {
	start := strings.ToLower(string(bytes.TrimSpace(body[:min(len(body), 256)])))
	return strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html")
}

// choose takes the model that is asked for, or the first.
func (c *Client) choose(cards []gjson.Result) (Server, error) {
	var names []string
	for _, card := range cards {
		name := card.Get("id").String()
		if c.Model == "" || name == c.Model {
			return Server{Model: name, MaxModelLen: int(card.Get("max_model_len").Int()), Card: described(card)}, nil
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return Server{}, fmt.Errorf("the server at %s serves no model", c.where())
	}
	return Server{}, fmt.Errorf("the server at %s does not serve the model %q%s", c.where(), c.Model, spelling.DidYouMean(c.Model, names))
}

// described is a model's card without what is made anew with every answer.
func described(card gjson.Result) json.RawMessage {
	kept := map[string]json.RawMessage{}
	card.ForEach(func(key, value gjson.Result) bool {
		if key.Str != "created" && key.Str != "permission" {
			kept[key.Str] = json.RawMessage(value.Raw)
		}
		return true
	})
	raw, err := json.Marshal(kept)
	if err != nil {
		return nil // it was no object
	}
	return raw
}

// tryOne asks for one token, of the interface that every model has.
func (c *Client) tryOne(ctx context.Context, model string) error {
	ctx, cancel := context.WithTimeout(ctx, firstTimeout)
	defer cancel()
	for _, err := range c.Ask(ctx, harness.Prompt{Model: model, Text: "Hello", MaxTokens: 1, IgnoreEOS: true}) {
		if err == nil {
			continue
		}
		if asked, ok := errors.AsType[*harness.AskError](err); ok && asked.HTTPStatus >= 500 {
			return fmt.Errorf("the server at %s cannot answer a first request (%w); look at its log", c.where(), err)
		}
		return fmt.Errorf("a first request to the server at %s did not succeed: %w", c.where(), err)
	}
	return nil
}

func (c *Client) get(ctx context.Context, path string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	client := c.HTTP()
	if c.wrong != nil {
		return 0, nil, c.wrong
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+path, nil)
	if err != nil {
		return 0, nil, errors.New("the URL cannot be used")
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, unwrapped(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 8<<20))
	return response.StatusCode, body, err
}

// where is the address without user and password.
func (c *Client) where() string {
	if u, err := url.Parse(c.URL); err == nil {
		u.User = nil
		return u.String()
	}
	return "that address"
}
