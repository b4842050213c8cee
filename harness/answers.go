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

	Transcripts       Answers = "transcripts"         // of clips: tokens, as they are generated
	TranscriptsAtOnce Answers = "transcripts at once" // of clips: a text, whose tokens the server does not count
)

// Generates reports whether tokens are generated.
func (a Answers) Generates() bool { return a != Pooled }

// Streams reports whether an answer comes piece by piece, so that it has a first token and gaps.
func (a Answers) Streams() bool { return a == Streamed || a == Transcripts }

// CountsTokens reports whether an answer says how many tokens it has.
func (a Answers) CountsTokens() bool { return a.Generates() && a != TranscriptsAtOnce }

// Transcribes reports whether what is asked is a clip, and the answer what is said in it.
func (a Answers) Transcribes() bool { return a == Transcripts || a == TranscriptsAtOnce }

// TakesSalts reports whether a request says by a salt what a prefix cache may find of it.
func (a Answers) TakesSalts() bool { return a.Generates() && !a.Transcribes() }

// ComeAtOnce reports whether tokens are generated, and come with the end of the answer only.
func (a Answers) ComeAtOnce() bool { return a.Generates() && !a.Streams() }

// InOnePiece is what comes back where nothing is streamed.
func (a Answers) InOnePiece() Answers {
	switch a {
	case Streamed:
		return AtOnce
	case Transcripts:
		return TranscriptsAtOnce
	}
	return a
}

// An Input is one of the texts of a request that is pooled: a text, or token ids.
type Input struct {
	Text     string
	TokenIDs []int
}

// Length is that of a text in bytes, or of token ids in tokens: no text has more tokens.
func (i Input) Length() int { return len(i.Text) + len(i.TokenIDs) }
