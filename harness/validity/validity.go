// Package validity checks what answers say while a load goes on: whether they follow a schema, call tools as these are
// declared, end in a loop, keep to a script, or end by themselves. A server can be fast by being wrong, through a faulty
// kernel or a quantisation that goes too far, and answers within every limit of latency then.
package validity

import (
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// Ended checks that an answer ends by itself, and not at the limit of its length.
type Ended struct{}

// Of looks at the finish reason.
func (Ended) Of(a harness.Answer) harness.Validity {
	switch strings.ToLower(a.Finish) {
	case "length", "max_tokens", "max_length", "model_length": // of OpenAI, Anthropic, Cohere, Mistral
		return harness.Unended
	}
	return harness.Valid
}

func (Ended) String() string { return "ends by itself" }
