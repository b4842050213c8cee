package harness

import "strings"

// A Validity is what the checks of an answer found.
type Validity string

// What checks find. An answer that did not come whole is not checked: it is an error.
const (
	Unchecked Validity = ""
	Valid     Validity = "valid"
	NoText    Validity = "no text"          // reasoning only, or a refusal
	NotJSON   Validity = "not JSON"         // a schema was asked for
	OffSchema Validity = "off the schema"   // JSON that does not follow it
	WrongCall Validity = "wrong call"       // no call of a declared tool, or arguments that do not fit its parameters
	Repeats   Validity = "repeats itself"   // it ends in a loop
	Script    Validity = "other script"     // it is written in letters of another script
	Unended   Validity = "ran to its limit" // it was to end by itself
)

// A Check looks at one whole answer.
type Check interface {
	// Of is [Valid], or what is wrong. Several goroutines may call it.
	Of(Answer) Validity

	String() string // what an answer does that passes: follows the schema "x.json"
}

// An Answer is what a request was answered, for its checks: its text, the calls of tools as their names and arguments,
// one after the other, and the finish reason.
type Answer struct{ Text, Calls, Finish string }

// checking gathers what is answered, beside another listener, for checks of it once it has come whole.
func checking(checks []Check, also func(*Chunk)) (check func(*Record), heard func(*Chunk)) {
	if len(checks) == 0 {
		return func(*Record) {}, also
	}
	var text, calls strings.Builder
	heard = func(piece *Chunk) {
		text.WriteString(piece.Text)
		calls.WriteString(piece.Call)
		if also != nil {
			also(piece)
		}
	}
	return func(r *Record) {
		switch {
		case r.OK() && strings.TrimSpace(text.String()+calls.String()) == "":
			r.Validity = NoText
		case r.OK():
			r.Validity = checked(checks, Answer{text.String(), calls.String(), r.Finish})
		}
	}, heard
}

// checked is what the first check finds that finds something.
func checked(by []Check, a Answer) Validity {
	for _, check := range by {
		if found := check.Of(a); found != Valid {
			return found
		}
	}
	return Valid
}
