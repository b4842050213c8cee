package harness

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
)

// A Client asks a server.
type Client interface {
	// Ask sends one prompt and yields the answer piece by piece as it arrives.
	// The first error ends it; it is an [*AskError] where the cause has a name.
	// Leaving the loop, or ending the context, abandons the request at once.
	Ask(context.Context, Prompt) iter.Seq2[Chunk, error]
}

// A Preparer is a client that can make a request before it is due, so
// that making it does not make it late.
type Preparer interface {
	// Prepare returns the prompt with its Request. Several goroutines may call it.
	Prepare(Prompt) Prompt
}

// A Request is a prompt as a client will send it. What is in it is known to the client that
// made it only.
type Request interface {
	Bytes() int // that it sends
}

// A Chunk is one piece of an answer, stamped when it arrived and before
// anything in it was parsed. A chunk without Text, Call, Reasoning, Refusal and Pooled carries no
// content: response headers, a role, a usage count.
type Chunk struct {
	At        time.Time
	Waited    time.Duration // from its arrival until we read it; NoTime where only our own clock stamped it
	Headers   bool          // the response's headers: Sent, HTTPStatus, RequestID and Connecting with its parts are set
	Text      string        // of the answer
	Call      string        // of tools that it calls: their names, and arguments
	Reasoning string        // of the reasoning before it
	Refusal   string        // in place of an answer
	Pooled    int           // inputs of which a vector, a score or a class came
	AtOnce    bool          // its content is all of the answer: when each piece of it was made is not known
	Tokens    int           // in this chunk; Unreported when the server does not report it
	Finish    string        // finish reason, when this chunk carries it
	Usage     *Usage        // the server's own count, when this chunk carries it
	Timings   *Timings      // how the server itself timed the request, when this chunk carries it

	Sent       time.Time // when the request was handed to the system; zero: when it was asked
	HTTPStatus int
	Connecting time.Duration // name, connection and TLS; NoTime where a connection was there
	Resolving  time.Duration // of Connecting: the name; NoTime where there was none to look up
	Securing   time.Duration // of Connecting: TLS; NoTime where there was none
	RequestID  string        // from the header or the body
	Model      string
	Replica    string // which engine answered, with Headers: the one that a gateway names, or the one of several that was asked; "" where there is one
}

// Content reports whether the chunk carries part of the answer, of its reasoning or of a
// refusal.
func (c *Chunk) Content() bool {
	return c.Text+c.Call != "" || c.Reasoning != "" || c.Refusal != "" || c.Pooled > 0
}

// Usage is how many tokens the server counted; Unreported where it did not say.
type Usage struct {
	PromptTokens, OutputTokens, CachedTokens, ReasoningTokens int
	TotalTokens                                               int  // of prompt and answer; 0 or Unreported where it is not reported
	Invalid                                                   bool // one of them is no count: negative, or no whole number
}

// Timings are how long the phases of a request took, by the server's own clock;
// NoTime where it does not say.
type Timings struct {
	Queue   time.Duration // before its first step
	Prefill time.Duration // from there to the first token
	Decode  time.Duration // from there to the last
}

// An AskError is a failed request: the name of the failure and what exactly happened.
type AskError struct {
	Failure    Failure
	HTTPStatus int    // 0 where no status came
	Replica    string // which engine answered, or was asked; "" where there is one
	Err        error
}

func (e *AskError) Error() string { return fmt.Sprintf("%s: %v", e.Failure, e.Err) }
func (e *AskError) Unwrap() error { return e.Err }

// HTTPFailure is the failure of an answer with a status other than 200.
func HTTPFailure(status int) Failure { return Failure(httpFailure + strconv.Itoa(status)) }

const httpFailure = "http "

// HTTPStatus is the status of an HTTP failure; false for another failure.
func (f Failure) HTTPStatus() (int, bool) {
	digits, ok := strings.CutPrefix(string(f), httpFailure)
	status, err := strconv.Atoi(digits)
	return status, ok && err == nil
}

// A Sampler watches something beside the load.
type Sampler interface {
	Read(context.Context) ([]Reading, error)
}

// An EndReader is a sampler whose values may be older than its reading, as those that another program collects are.
// At both ends of a run, between which counters are compared, it is asked for values that are not.
type EndReader interface {
	Sampler
	// ReadAtEnd reads values that arose after it was called.
	ReadAtEnd(context.Context) ([]Reading, error)
	// EndWithin is how long it may take; 0 where it is no other than Read.
	EndWithin() time.Duration
}

// A Reading is one value of one series.
type Reading struct {
	Source string            `json:"source"` // server, host, client
	Series string            `json:"series"` // as the source names it
	Labels map[string]string `json:"labels,omitempty"`
	Value  float64           `json:"value"`
}

// A Sample is a reading and when it was taken, since the start of the run.
type Sample struct {
	At time.Duration `json:"at"`
	Reading
}

// A Sink takes what a run produces. Calls come from one goroutine; records
// come in the order in which requests end.
type Sink interface {
	Record(Record) error
	Sample(Sample) error
	Close() error
}

// An Archive is a sink that gives back what it took, as often as it is asked, once
// it is closed: records in the order in which they were due, samples in that in
// which they were taken.
type Archive interface {
	Sink
	Records() iter.Seq[Record]
	Samples() iter.Seq[Sample]
}
