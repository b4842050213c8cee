package harness

import "time"

// NoTime is the instant of something that did not happen.
const NoTime time.Duration = -1

// Unreported is a count that was not reported.
const Unreported = -1

// A Record is what one request taught us: facts only. All instants count from
// the start of the run; one that did not come is [NoTime], a count that the
// server did not report is [Unreported].
type Record struct {
	Class   string // traffic class; "" where the scenario has one
	Seq     int    // order in which requests became due, from 0
	Session int    // conversation, from 0
	Turn    int    // turn of the conversation, from 0
	User    int    // closed loop: user, from 0; open loop: Unreported

	Due     time.Duration // when the request should have been sent
	Sent    time.Duration // when it was handed to the system
	Headers time.Duration // when the response's headers came
	Done    time.Duration // when the answer ended, or failed

	Chunks      []time.Duration // arrivals of content, answer and reasoning alike
	ChunkTokens []int           // tokens in each chunk; nil when the server does not tell
	FirstAnswer time.Duration   // first content that is not reasoning
	Connecting  time.Duration   // how long name, connection and TLS took; NoTime where a connection was there
	Resolving   time.Duration   // of Connecting: the name; NoTime where there was none to look up
	Securing    time.Duration   // of Connecting: TLS; NoTime where there was none
	ReadDelay   time.Duration   // the longest that content had waited for us to read it; NoTime where the kernel does not stamp

	ServerQueue   time.Duration // before its first step, as the server timed it; NoTime where it does not
	ServerPrefill time.Duration // from there to the first token
	ServerDecode  time.Duration // from there to the last

	PromptTokens, OutputTokens    int // as the server counted them
	CachedTokens, ReasoningTokens int
	Inputs                        int           // texts that are pooled; Unreported of a request whose answer is generated
	Clip                          time.Duration // how long the clip is that is transcribed; NoTime where there is none
	ShareableTokens               int           // of the prompt, that an earlier one of the run left in the server's prefix cache, at most
	RequestedPromptTokens         int           // what the workload promised
	RequestedOutputTokens         int
	RequestedMinOutputTokens      int        // the fewest that were asked for
	Full                          bool       // the answer was to have just RequestedOutputTokens
	CountFault                    CountFault // why the server's counts were not kept; "" where they were, or none came

	Finish     string   // finish reason as the server gave it
	Refused    bool     // the answer, or a part of it, was a refusal
	Validity   Validity // what checks of the answer found
	Failure    Failure  // "" when the answer came whole
	HTTPStatus int
	Error      string // what exactly went wrong, without credentials
	RequestID  string
	Model      string // as the server gave it

	RequestedModel string // such as an adapter; "" is the client's
	Replica        string // which engine answered: the one that a gateway names, or the one of several that was asked; "" where there is one

	Seen       Seen // how much is known of when content came
	DueUnknown bool // when it was due is not known: Due is when it was sent

	Warmup bool // due during warm-up: not judged
	Good   bool // answered, and within the limits for a good request
}

// NewRecord is the record of a request of which nothing is known but when it
// was due.
func NewRecord(seq int, due time.Duration) Record {
	return Record{
		Seq: seq, User: Unreported, Due: due,
		Sent: NoTime, Headers: NoTime, Done: NoTime, FirstAnswer: NoTime, Connecting: NoTime, Resolving: NoTime, Securing: NoTime, ReadDelay: NoTime,
		ServerQueue: NoTime, ServerPrefill: NoTime, ServerDecode: NoTime, Clip: NoTime,
		PromptTokens: Unreported, OutputTokens: Unreported, CachedTokens: Unreported, ReasoningTokens: Unreported,
		Inputs: Unreported, ShareableTokens: Unreported, RequestedPromptTokens: Unreported, RequestedOutputTokens: Unreported, RequestedMinOutputTokens: Unreported, HTTPStatus: Unreported,
	}
}

// OK reports whether the answer came whole.
func (r *Record) OK() bool { return r.Failure == "" && r.Done != NoTime }

// Cut reports whether we ended the request ourselves, by stopping the run or at the end of
// the grace after the load. How it would have ended is not known: it is neither good nor an
// error, and its latency is at least the time until then (right-censored).
func (r *Record) Cut() bool { return r.Failure == Interrupted || r.Failure == Unanswered }

// Failed reports whether an answer did not come whole through no doing of its user, and none
// of ours.
func (r *Record) Failed() bool { return !r.OK() && r.Failure != Canceled && !r.Cut() }

// FirstToken is when the first content came, reasoning included.
func (r *Record) FirstToken() time.Duration {
	if len(r.Chunks) == 0 {
		return NoTime
	}
	return r.Chunks[0]
}

// TTFT is the time to the first token, from when the request was due, or NoTime.
func (r *Record) TTFT() time.Duration { return since(r.FirstToken(), r.Due) }

// E2E is the end-to-end latency, from when the request was due, or NoTime.
func (r *Record) E2E() time.Duration { return since(r.Done, r.Due) }

// Lag is our own lateness, or NoTime: from when the request was due until it was
// handed to the system, without the time in which a connection was made.
func (r *Record) Lag() time.Duration {
	if r.Sent == NoTime || r.DueUnknown {
		return NoTime
	}
	return max(0, r.Sent-r.Due-max(0, r.Connecting))
}

// TPOT is the mean time per output token after the first, or NoTime when the
// answer has fewer than two tokens or their number is not known.
func (r *Record) TPOT() time.Duration {
	if r.OutputTokens < 2 || len(r.Chunks) == 0 {
		return NoTime
	}
	span := since(r.Chunks[len(r.Chunks)-1], r.Chunks[0])
	if span == NoTime {
		return NoTime
	}
	return span / time.Duration(r.OutputTokens-1)
}

// LongestGap is the longest gap between two chunks of content, or NoTime where there
// are fewer than two.
func (r *Record) LongestGap() time.Duration {
	longest := NoTime
	for i := 1; i < len(r.Chunks) && r.Seen == SeenEach; i++ {
		longest = max(longest, r.Chunks[i]-r.Chunks[i-1])
	}
	return longest
}

// ITLs are the gaps between successive chunks of content. A chunk may hold
// several tokens.
func (r *Record) ITLs() []time.Duration {
	if len(r.Chunks) < 2 || r.Seen != SeenEach {
		return nil
	}
	gaps := make([]time.Duration, len(r.Chunks)-1)
	for i := range gaps {
		gaps[i] = max(0, r.Chunks[i+1]-r.Chunks[i])
	}
	return gaps
}

// Coalesced is how many chunks of content came in one read with the one before,
// and so have its stamp.
func (r *Record) Coalesced() (n int) {
	for i := 1; i < len(r.Chunks) && r.Seen == SeenEach; i++ {
		if r.Chunks[i] == r.Chunks[i-1] {
			n++
		}
	}
	return n
}

// since is how long after an instant another one came. A time is never negative: what is
// said to have come before it began did not come.
func since(at, from time.Duration) time.Duration {
	if at == NoTime || at < from {
		return NoTime
	}
	return at - from
}

// A Failure is the name of what went wrong with a request.
type Failure string

// The failures that a request can end in. An HTTP error is named by its code:
// see [HTTPFailure].
const (
	Refused       Failure = "refused"               // no connection
	OutOfSockets  Failure = "out of sockets"        // no connection, for want of something on our side
	Timeout       Failure = "timeout"               // no end within the time allowed
	Reset         Failure = "reset"                 // the connection broke
	ErrorInStream Failure = "error in stream"       // an error event under status 200
	CutShort      Failure = "cut short"             // the stream ended without a finish reason
	Malformed     Failure = "malformed"             // what came is not the protocol
	Empty         Failure = "empty"                 // a whole answer without content
	WrongCount    Failure = "wrong count"           // not one vector, score or class for each input
	NotFinite     Failure = "not finite"            // one of them holds NaN, an infinity or no number
	Aborted       Failure = "aborted by the server" // it ended the answer with a finish reason that says so
	ServerError   Failure = "error in the server"   // the same
	ServerTimeout Failure = "timeout in the server" // the same
	Interrupted   Failure = "interrupted"           // the run was stopped
	Canceled      Failure = "given up"              // its user left, as the scenario says that some do
	Unanswered    Failure = "unanswered"            // still in flight when the grace after the load was over
	Unnamed       Failure = "failed"                // in a way that another tool does not tell
)
