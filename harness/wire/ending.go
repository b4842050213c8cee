package wire

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
)

// InStream is the failure of an answer in whose course the server said what went wrong.
func InStream(words string) error {
	return &harness.AskError{Failure: harness.ErrorInStream, Err: errors.New(words)}
}

// Malformed is the failure of an answer that is none.
func Malformed(words string) error {
	return &harness.AskError{Failure: harness.Malformed, Err: errors.New(words)}
}

// CutShort is the failure of an answer that ended before it was whole.
func CutShort(words string) error {
	return &harness.AskError{Failure: harness.CutShort, Err: errors.New(words)}
}

// NotJSON says what is wrong with the data of an event.
func NotJSON(data []byte) string {
	if RunTogether(data) {
		return "the events of the stream are not set apart by empty lines: " + string(data)
	}
	return "an event is not JSON: " + string(data)
}

// RunTogether reports whether data is that of several events, one in each line.
func RunTogether(data []byte) bool {
	first, _, several := bytes.Cut(data, []byte("\n"))
	return several && IsJSON(first)
}

// An Ending is that of a stream which brought no whole answer.
type Ending struct {
	Stray    []byte // what was no part of an answer
	Label    string // the media type that the body was said to have
	IsStream bool   // an event came
	Cut      bool   // the last event did not come whole
	Lacks    string // what would have made the answer whole: "a finish reason"
	Member   string // that every answer in one piece has, of the interface: "choices"
}

// Err is what became of the answer.
func (e Ending) Err() error {
	if said, ok := e.complaint(); ok {
		return InStream(said)
	}
	if !e.IsStream && (len(e.Stray) > 0 || e.Label != EventStream) {
		return Malformed(e.noStream())
	}
	words := "the stream ended without " + e.Lacks
	switch {
	case e.Cut:
		words = "the stream ended in the middle of an event, without " + e.Lacks
	case len(e.Stray) > 0:
		words += "; beside its events came: " + Complaint(e.Stray)
	}
	return CutShort(words)
}

// complaint is the server's, in what belonged to no event: as the whole of it, or as
// the last line of it.
func (e Ending) complaint() (said string, ok bool) {
	for _, text := range [][]byte{e.Stray, e.Stray[bytes.LastIndexByte(e.Stray, '\n')+1:]} {
		root := gjson.ParseBytes(text)
		if !IsJSON(text) || !root.IsObject() && !root.IsArray() || e.isAnswer(text) && !Truthy(root.Get("error")) {
			continue
		}
		if Truthy(root.Get("error")) || Truthy(root.Get("0.error")) || Complains(root) || !e.IsStream && ComplaintOf(root) != "" {
			return Complaint(text), true
		}
	}
	return "", false
}

// isAnswer reports whether a body is a whole answer that was not streamed.
func (e Ending) isAnswer(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) && bytes.Contains(body, []byte(`"`+e.Member+`"`)) && !bytes.Contains(body, []byte("\ndata:"))
}

// EventStream is the media type of a stream of events.
const EventStream = "text/event-stream"

// noStream says what came in place of a stream of events.
func (e Ending) noStream() string {
	label := cmp.Or(e.Label, "no media type")
	switch {
	case len(e.Stray) == 0:
		return fmt.Sprintf("nothing came (%s) instead of a stream of events", label)
	case e.isAnswer(e.Stray):
		return fmt.Sprintf("the server answered without streaming: a whole answer came in one piece (%s), and a stream was asked for; does what stands before it gather streams?", label)
	case IsPage(e.Stray):
		return fmt.Sprintf("a web page came (%s) instead of a stream of events: %s; is a proxy or a login page in between?", label, Complaint(e.Stray))
	}
	return fmt.Sprintf("what came (%s) is no stream of events: %s", label, Complaint(e.Stray))
}
