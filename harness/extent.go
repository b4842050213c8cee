package harness

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vllmspec/vllmspec/internal/limit"
)

// An Extent is how much of an answer has come, held against how much may: a server that
// goes on for ever must not fill the memory.
type Extent struct {
	asked        int // tokens at most; 0: the request sets no limit
	events, most int
}

// NewExtent is that of the answer to a prompt, of which nothing has come.
func NewExtent(p *Prompt) *Extent {
	e := &Extent{asked: p.MaxTokens}
	e.most = limit.AnswerEvents(p.MaxTokens) * p.Choices()
	return e
}

// Choices is how many answers a prompt asks for at once: the member n, within what a
// server makes of it.
func (p *Prompt) Choices() int {
	const most = 128
	n := 1
	if raw, ok := p.Extra["n"]; ok && json.Unmarshal(raw, &n) != nil {
		return 1
	}
	return min(max(1, n), most)
}

// Take adds a chunk. The error says which bound it is beyond; the answer is of no use then.
func (e *Extent) Take(c *Chunk) error {
	if e.events++; e.events > e.most {
		return e.tooMany()
	}
	if max(len(c.RequestID), len(c.Model), len(c.Finish)) <= limit.Field {
		return nil
	}
	for _, field := range [...]struct{ name, value string }{{"id", c.RequestID}, {"model", c.Model}, {"finish reason", c.Finish}} {
		if len(field.value) > limit.Field {
			return beyond(fmt.Sprintf("the %s of the answer has %d bytes; at most %d are kept", field.name, len(field.value), limit.Field))
		}
	}
	return nil
}

func (e *Extent) tooMany() error {
	said := fmt.Sprintf("the answer has more than %d events", e.most)
	if e.asked > 0 {
		return beyond(fmt.Sprintf("%s, and at most %d tokens were asked for", said, e.asked))
	}
	return beyond(said + "; say how long answers are at most, and as many as that needs are read")
}

// beyond is the failure of an answer that is beyond a bound.
func beyond(said string) error { return &AskError{Failure: Malformed, Err: errors.New(said)} }
