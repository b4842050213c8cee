package harness

import (
	"encoding/json"

	"github.com/vllmspec/vllmspec/harness/internal/prefix"
)

// A Conversation is one person's exchange, asked turn by turn: each turn is due
// when the one before was answered (and thought about, where the load says so).
type Conversation struct {
	Turns  []Prompt
	GoesOn bool  // each turn's Messages are what is new: before them stands what was said, the server's answers included
	Think  Think // between its turns; zero: as the load says
	Err    error // it could not be read, and ends the load
}

// A Prompt is one question, complete with its history unless its conversation
// goes on by itself. Exactly one of Messages, Text and TokenIDs is set, or Inputs is, or Media alone.
type Prompt struct {
	Messages  []Message // asked as a chat
	Text      string    // asked as a completion
	TokenIDs  []int     // asked as a completion, with a length that is exact
	Tokens    int       // prompt tokens, verified; 0: not known beforehand
	MaxTokens int       // bound of the answer; 0: the server's
	MinTokens int       // the fewest of the answer; 0: none asked for
	IgnoreEOS bool      // the answer runs to MaxTokens
	Class     string    // traffic class; "" where the scenario has one
	Model     string    // asked of this one, such as an adapter; "" is the client's
	Priority  int       // the lowest first, where the server looks at it
	CacheSalt string    // prompts with another one share no prefix cache; "" for none
	MediaSalt string    // prompts with one salt can show the same images; "": CacheSalt
	Inputs    []Input   // pooled: embedded, classified, or ranked by Text or TokenIDs
	Media     []Medium  // before Text or TokenIDs, which are asked as a chat then; alone: a clip that is transcribed

	Extra   map[string]json.RawMessage // what else is asked, under the names of OpenAI's interface: tools, sampling
	Checks  []Check                    // of its answer
	Request Request                    // what a Preparer made of all this; nil: nothing yet

	said    int             // messages of it that were asked or answered before, in a conversation that goes on
	outline *prefix.Outline // what a prefix cache sees of it; nil: not made yet
}

// A Message is one turn of a chat.
type Message struct {
	Role    string          // system, user, assistant or tool
	Content string          // its text
	Media   []Medium        // before its text
	Whole   json.RawMessage // the message as it is sent, where it is more than a role and a text: images, calls of tools
}

// MarshalJSON is the message as OpenAI's interface has it.
func (m Message) MarshalJSON() ([]byte, error) {
	if m.Whole != nil {
		return m.Whole, nil
	}
	return json.Marshal(struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}{m.Role, m.Content})
}

// Salting is what a server makes of cache_salt: prompts with another salt are to find
// nothing of each other in its prefix cache.
type Salting string

// What a server can make of it. One that refuses salts, or ignores them, gets prompts
// whose beginnings differ instead.
const (
	SaltsTaken   Salting = ""
	SaltsRefused Salting = "refused"
	SaltsIgnored Salting = "ignored"
	SaltsUnknown Salting = "unknown" // the server tells neither what it found nor how much it looked up
	SaltsUnused  Salting = "unused"  // because the server that this one is compared with makes nothing of them
)
