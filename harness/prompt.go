package harness

import "encoding/json"

// A Conversation is one person's exchange, asked turn by turn: each turn is due
// when the one before was answered (and thought about, where the load says so).
type Conversation struct {
	Turns  []Prompt
	GoesOn bool  // each turn's Messages are what is new: before them stands what was said, the server's answers included
	Think  Think // between its turns; zero: as the load says
	Err    error // it could not be read, and ends the load
}

// A Prompt is one question, complete with its history unless its conversation
// goes on by itself. Exactly one of Messages, Text and TokenIDs is set.
type Prompt struct {
	Messages  []Message // asked as a chat
	Text      string    // asked as a completion
	TokenIDs  []int     // asked as a completion, with a length that is exact
	Tokens    int       // prompt tokens, verified; 0: not known beforehand
	MaxTokens int       // bound of the answer; 0: the server's
	IgnoreEOS bool      // the answer runs to MaxTokens
	Class     string    // traffic class; "" where the scenario has one
	Model     string    // asked of this one, such as an adapter; "" is the client's
	Priority  int       // the lowest first, where the server looks at it
	CacheSalt string    // prompts with another one share no prefix cache; "" for none

	Extra map[string]json.RawMessage // what else is asked, under the names of OpenAI's interface: tools, sampling
	Body  []byte                     // what a Preparer made of all this; nil: nothing yet
}

// A Message is one turn of a chat.
type Message struct {
	Role    string          // system, user, assistant or tool
	Content string          // its text
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
