package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/pydantic"
	"github.com/vllmspec/vllmspec/mockvllm/internal/wire"
)

// An apiError is an answer with an error status.
type apiError struct {
	status      int
	kind, param string
	text        string
	after       time.Duration // Retry-After
}

func bad(param, format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, kind: "BadRequestError", param: param, text: fmt.Sprintf(format, args...)}
}

// misused is the refusal of a parameter's value, which the message names again at
// its end.
func misused(param string, value any, format string, args ...any) *apiError {
	apiErr := bad(param, format, args...)
	if value != nil {
		apiErr.text += fmt.Sprintf(" (parameter=%s, value=%v)", param, value)
	} else {
		apiErr.text += fmt.Sprintf(" (parameter=%s)", param)
	}
	return apiErr
}

// flawed is the refusal of a body that is not of the form it should have.
func flawed(flaws ...pydantic.Flaw) *apiError {
	param, text := pydantic.Refusal(flaws...)
	return &apiError{status: http.StatusBadRequest, kind: "Bad Request", param: param, text: text}
}

// invalid is that of a body that cannot be read.
func invalid(body []byte, err error) *apiError { return flawed(pydantic.Invalid(body, err)) }

// fail writes an error in vLLM's envelope (vllm/entrypoints/openai/engine/protocol.py).
func (s *Handler) fail(w http.ResponseWriter, apiErr *apiError) {
	w.Header().Set("Content-Type", "application/json")
	if apiErr.after > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(max(1, int(apiErr.after.Seconds()))))
	}
	raw := wire.JSON(s.envelope(apiErr))
	w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
	w.WriteHeader(apiErr.status)
	w.Write(raw)
}

// envelope is the body of an error. The Rust front end has types of its own and
// codes that are strings.
func (s *Handler) envelope(apiErr *apiError) any {
	type body struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    any     `json:"code"`
	}
	b := body{Message: apiErr.text, Type: apiErr.kind, Code: apiErr.status}
	if apiErr.param != "" {
		b.Param = &apiErr.param
	}
	if s.config.Rust {
		b.Type, b.Code = "invalid_request_error", fmt.Sprint(apiErr.status)
		if apiErr.status >= 500 {
			b.Type = "server_error"
		}
	}
	return map[string]body{"error": b}
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	wire.Send(w, wire.JSON(v))
}
