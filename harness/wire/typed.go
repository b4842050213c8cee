package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// lingering is how long a stream is followed once its answer has ended, for the end of the body, so that
// the connection can be used again.
const lingering = 10 * time.Millisecond

// An Answer is one that comes in typed events: events that say which of several things they are. It
// knows what they mean.
type Answer interface {
	// Take reads an event into a chunk. It reports whether it knows its type; one that it does not know
	// is passed over, as the interface's own clients do. The error is the answer's failure.
	Take(kind string, event gjson.Result, c *harness.Chunk) (known bool, err error)
	// Ended reports whether the answer is whole. What comes later does not count.
	Ended() bool
}

// Typed is an interface whose answers are streams of typed events.
type Typed struct {
	New    func() Answer
	Lacks  string // what an answer that was cut short has not: "response.completed"
	Member string // that an answer in one piece has: "output"
	Text   string // where the text of an answer stands in those events that bring nothing else: "delta"
	Number string // where an event has its number in the stream; "": events have none
}

// Read yields the chunks of an answer as they come; what came in one read shares its stamp. The answer is
// over where it says so, whatever becomes of the connection then. Long is what has come of the long events
// of all streams of the client.
func (t *Typed) Read(e *client.Endpoint, long *atomic.Int64, from client.Body, label string, most int) iter.Seq2[harness.Chunk, error] {
	return func(yield func(harness.Chunk, error) bool) {
		s := typedStream{of: t, endpoint: e, answer: t.New(), label: label, yield: yield, Events: Events{Most: most, Long: long}}
		s.template.text, s.template.number = t.Text, t.Number
		defer s.Close()
		for {
			piece, err := from.Next()
			s.at, s.waited = from.Last()
			if going := s.read(piece); !going {
				return
			}
			if s.answer.Ended() {
				if err == nil && !s.lingers {
					s.lingers = true
					from.Within(lingering)
				}
			} else if beyond := s.Bounded(len(piece)); beyond != nil {
				yield(harness.Chunk{}, beyond)
				return
			}
			if err != nil {
				s.end(err)
				return
			}
		}
	}
}

// A typedStream is what is remembered from event to event.
type typedStream struct {
	Events
	of       *Typed
	endpoint *client.Endpoint
	answer   Answer
	label    string // the media type that the body was said to have
	yield    func(harness.Chunk, error) bool
	at       time.Time // when the piece that is being read came
	waited   time.Duration
	template template
	next     int  // number of the next event
	isStream bool // an event came
	cut      bool // the last event did not come whole
	lingers  bool // the answer has ended, and the end of the body is awaited
	texts    strings.Builder
}

// read takes a piece of the stream. It returns false where there is to be no more.
func (s *typedStream) read(piece []byte) (going bool) {
	for !s.answer.Ended() {
		if s.Between() {
			if text, number, rest, ok := s.template.match(piece); ok {
				piece = rest
				s.numbered(number)
				if !s.yield(harness.Chunk{At: s.at, Waited: s.waited, Text: s.text(text), Tokens: harness.Unreported}, nil) {
					return false
				}
				continue
			}
		}
		line, rest, ok := s.Line(piece)
		if !ok {
			return true
		}
		piece = rest
		if going := s.take(line); !going {
			return false
		}
	}
	return true
}

// take adds a line to the event that is being read; an empty one ends it.
func (s *typedStream) take(line []byte) (going bool) {
	if len(line) > 0 {
		s.Field(line)
		return true
	}
	name := string(s.Name())
	data := s.Take()
	if len(data) == 0 && name != errorEvent {
		return true
	}
	if text, number, ok := s.template.matchData(name, data); ok {
		s.numbered(number)
		return s.yield(harness.Chunk{At: s.at, Waited: s.waited, Text: s.text(text), Tokens: harness.Unreported}, nil)
	}
	c, has, err := s.event(name, data)
	if err != nil {
		s.yield(harness.Chunk{}, err)
		return false
	}
	return !has || s.yield(c, nil)
}

// errorEvent is the type of an event that says what went wrong, in every interface that has types.
const errorEvent = "error"

// event reads one that is complete. Its type stands in its data; the name of the event is the same, and
// counts where the data has none.
func (s *typedStream) event(name string, data []byte) (c harness.Chunk, has bool, err error) {
	s.isStream = true
	switch {
	case name == errorEvent && len(data) == 0:
		return c, false, InStream("an error event without a word")
	case name == errorEvent:
		return c, false, InStream(Complaint(data))
	case limit.TooDeep(data):
		return c, false, Malformed(Nests("an event of the stream", data))
	case !IsJSON(data) && bytes.HasPrefix(data, []byte("[DONE]")): // some servers and proxies send it in any stream
		return c, false, nil
	case !IsJSON(data):
		return c, false, Malformed(NotJSON(data))
	}
	root := Parsed(data)
	kind := Word(root.Get("type"))
	if kind == "" {
		kind = name
	}
	if kind == errorEvent {
		return c, false, InStream(Complaint(data))
	}
	if number := root.Get(s.of.Number); s.of.Number != "" && number.Type == gjson.Number {
		s.numbered(int(min(max(number.Num, 0), limit.Tokens)))
	}
	c = harness.Chunk{At: s.at, Waited: s.waited, Tokens: harness.Unreported}
	known, err := s.answer.Take(kind, root, &c)
	switch {
	case err != nil:
		return c, false, err
	case !known && (Truthy(root.Get("error")) || Complains(root)):
		return c, false, InStream(Complaint(data))
	case !known && kind == "":
		s.KeepStray(data)
		return c, false, nil
	case !known:
		return c, false, nil
	}
	if c.Text != "" && c.Call == "" && c.Reasoning == "" && c.Refusal == "" && c.Finish == "" && c.Usage == nil {
		s.template.learn(name, data, c.Text)
	}
	return c, true, nil
}

// numbered takes the number of an event, and notes that one is missing, or came twice.
func (s *typedStream) numbered(number int) {
	if s.of.Number == "" {
		return
	}
	if number != s.next && s.next > 0 {
		s.endpoint.Remark(client.Remark{Kind: client.SkipsNumbers})
	}
	s.next = number + 1
}

// end is that of a stream. An event that is not closed by an empty line is one
// nevertheless, where it is whole.
func (s *typedStream) end(why error) {
	if !s.answer.Ended() && !s.takeRest() {
		return
	}
	s.remarkOn(why)
	switch {
	case s.answer.Ended():
	case !errors.Is(why, io.EOF):
		s.yield(harness.Chunk{}, why)
	default:
		s.yield(harness.Chunk{}, Ending{Stray: s.Stray(), Label: s.label, IsStream: s.isStream, Cut: s.cut, Lacks: s.of.Lacks, Member: s.of.Member}.Err())
	}
}

// takeRest takes what had come of an event when the stream ended.
func (s *typedStream) takeRest() (going bool) {
	if rest := s.TakePartial(); len(rest) > 0 && !bytes.HasPrefix([]byte("data:"), rest) && !s.take(rest) {
		return false
	}
	data := s.Pending()
	if s.cut = len(data) > 0 && !IsJSON(data) && !RunTogether(data) && string(s.Name()) != errorEvent; s.cut || len(data) == 0 {
		return true
	}
	return s.take(nil)
}

// remarkOn notes what was odd about a stream that brought a whole answer.
func (s *typedStream) remarkOn(end error) {
	if !s.answer.Ended() {
		return
	}
	ours := errors.Is(end, context.Canceled) || errors.Is(end, context.DeadlineExceeded)
	if !ours && !errors.Is(end, os.ErrDeadlineExceeded) && !errors.Is(end, io.EOF) {
		s.endpoint.Remark(client.Remark{Kind: client.BreaksOff})
	}
	if s.label != EventStream {
		s.endpoint.Remark(client.Remark{Kind: client.Mislabels, Detail: s.label})
	}
}

// text makes a string, but not a piece of memory for each: nothing that was
// written to a builder ever changes.
func (s *typedStream) text(of []byte) string {
	const room = 256 // some fifty tokens
	if s.texts.Cap()-s.texts.Len() < len(of) {
		s.texts.Reset()
		s.texts.Grow(max(room, len(of)))
	}
	s.texts.Write(of)
	return s.texts.String()[s.texts.Len()-len(of):]
}
