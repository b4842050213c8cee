package harness

// An Interface is one over which a server is asked, as far as what comes back decides what can be
// measured. The zero Interface is OpenAI's completions and chats, streamed.
type Interface struct {
	Name    string  `json:"name,omitempty"` // as users write it
	Answers Answers `json:"answers,omitempty"`
}

// Answers are what comes back over an interface.
type Answers string

// The answers that there are.
const (
	Streamed Answers = ""        // tokens, as they are generated
	AtOnce   Answers = "at once" // tokens, all of them with the end of the answer
	Pooled   Answers = "pooled"  // one vector, score or class of each input; no token is generated
)

// Generates reports whether tokens are generated.
func (a Answers) Generates() bool { return a != Pooled }

// Streams reports whether an answer comes piece by piece, so that it has a first token and gaps.
func (a Answers) Streams() bool { return a == Streamed }

// An Input is one of the texts of a request that is pooled: a text, or token ids.
type Input struct {
	Text     string
	TokenIDs []int
}

// Length is that of a text in bytes, or of token ids in tokens: no text has more tokens.
func (i Input) Length() int { return len(i.Text) + len(i.TokenIDs) }
