package client

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/internal/limit"
)

// A Remark is what is odd about a server's answers, though they could be read.
type Remark struct {
	Kind   RemarkKind
	Detail string // a media type, an encoding, or how long was waited
}

// A RemarkKind says what is remarkable about answers or connections.
type RemarkKind int

const (
	Mislabels     RemarkKind = iota // a stream of events comes under another media type
	Compresses                      // answers come compressed, which was not asked for
	EndsInSilence                   // after the finish reason comes nothing, not even an end
	BreaksOff                       // the connection breaks after a whole answer
	SkipsNumbers                    // the events of an answer are numbered, and not one after the other
)

func (r Remark) String() string {
	switch r.Kind {
	case Mislabels:
		return fmt.Sprintf("the server labels its streams of events as %s: they were read all the same; the label is text/event-stream, and what stands in between may gather what has another", cmp.Or(r.Detail, "nothing (no Content-Type)"))
	case Compresses:
		return fmt.Sprintf("answers came compressed (%s), which was not asked for: what compresses a stream may hold its tokens back; switch it off in the server or in the proxy before it", r.Detail)
	case EndsInSilence:
		return fmt.Sprintf("answers ended with a finish reason and then silence, without usage, [DONE] or the end of the body: they were taken to be whole after %s, and their connections were given up", r.Detail)
	case SkipsNumbers:
		return "events of answers were numbered, and not one after the other: some may have been lost or repeated on the way; what stands between the server and us?"
	}
	return "the server broke connections after whole answers, without ending them as HTTP does: each request after one needed a new connection"
}

// Remark notes something once, however often it comes.
func (e *Endpoint) Remark(r Remark) {
	e.remarking.Lock()
	defer e.remarking.Unlock()
	if e.remarks == nil {
		e.remarks = map[Remark]bool{}
	}
	if len(e.remarks) < limit.Remarks { // a label may be another one with every answer
		e.remarks[r] = true
	}
}

// Remarks are what was odd about the server's answers since it was asked last.
func (e *Endpoint) Remarks() []string {
	e.remarking.Lock()
	defer e.remarking.Unlock()
	found := slices.SortedFunc(maps.Keys(e.remarks), func(a, b Remark) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Detail, b.Detail))
	})
	e.remarks = nil
	var said []string
	for _, r := range found {
		said = append(said, e.Quote(r.String()))
	}
	return said
}
