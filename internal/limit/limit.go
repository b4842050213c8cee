// Package limit states how much a server may send of anything that we read, and how deep
// it may nest. A server can be broken, or mean harm; whatever it sends, a run ends, its
// memory stays small, and what was beyond a bound is a failure with a name. All bounds are
// generous: no answer of a server that works comes near one.
//
// What is read and where the bounds are applied: heads and frames in harness/http1, events
// and bodies in harness/openai, what a record keeps in harness, metrics in harness/sampler.
package limit

import "time"

// Bounds in bytes, unless they say otherwise.
const (
	// Depth is how many arrays and objects of JSON may stand inside each other. Answers nest
	// some ten deep; parsers recurse, and Go cannot recover from a stack that is too large.
	Depth = 1000

	// Head is that of an answer: status and fields, all interim answers before them, the
	// trailer, and what stands before a chunk.
	Head = 64 << 10
	// Field is one thing that a record keeps: an id, a model's name, a finish reason, a
	// media type.
	Field = 1 << 10
	// Words is how much is shown of a text that came from elsewhere.
	Words = 300

	// Event is one of a stream. One token has a few hundred bytes; a whole reasoning, or an
	// image, some tens of MiB.
	Event = 64 << 20
	// Events is all events of one client that are longer than [Counted], as far as they have
	// come, together.
	Events     = 80 << 20
	Counted    = 1 << 20
	ShortEvent = 64 << 10 // one that is kept and parsed as most are
	// Stray is how much is kept of what belongs to no event, and of an error's body.
	Stray = 64 << 10

	// Body is what answers a question beside the load: a list of models, a version.
	Body = 8 << 20
	// Config is the server's configuration, as a run keeps it.
	Config = 64 << 10
	// Listed is how many models an error names.
	Listed = 20
	// Remarks is how many remarks of one kind are kept.
	Remarks = 10

	// Page is one of metrics; vLLM's have about 100 KB for each engine.
	Page = 16 << 20
	// Query is an answer of Prometheus: it writes each series of each engine as some 300 bytes.
	Query = 64 << 20
	// Line is one of a page of metrics that is kept, and Kept is all of them together.
	Line = 64 << 10
	Kept = 8 << 20
	// Series is how many of a page are kept.
	Series = 40_000
)

// ClockStep is how long before its request no answer can have come that was not seen when the request
// was sent: where a stamp says so, the clock was set since.
const ClockStep = 10 * time.Millisecond

// Tokens is more than any context holds: a count above it is none.
const Tokens = 100_000_000

// The parts of what an answer may have.
const (
	someEvents     = 4 << 10 // whatever was asked for
	eventsPerToken = 16      // several choices, and events without a token of their own
	mostTokens     = 32 << 10
	someBytes      = 128 << 20
	bytesPerToken  = 16 << 10 // with the likeliest tokens in place of each
)

// AnswerEvents is how many events an answer of at most so many tokens may have; 0 tokens:
// the request sets no limit.
func AnswerEvents(tokens int) int { return someEvents + eventsPerToken*asked(tokens) }

// AnswerBytes is how long the body of such an answer may be.
func AnswerBytes(tokens int) int { return someBytes + bytesPerToken*asked(tokens) }

// AnswerText is how much text of such an answer is kept for what goes on from it.
func AnswerText(tokens int) int { return 1<<20 + 256*asked(tokens) }

// asked is a number of tokens that can be multiplied.
func asked(tokens int) int {
	if tokens <= 0 {
		return mostTokens
	}
	return min(tokens, Tokens)
}

// PromptTokens is how many tokens the prompt of a request can have whose body is so long: a
// tokenizer may make several of one character, and a server put a text of its own before it.
func PromptTokens(body int) int { return min(64<<10+16*body, Tokens) }
