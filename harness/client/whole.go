package client

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// A Whole is the body of an answer that comes at once.
type Whole struct {
	Body   []byte
	At     time.Time     // when its last piece came
	Waited time.Duration // how long that waited for us
}

// ReadWhole reads a body to its end, for protocols whose answers are no streams. One that is longer than
// most bytes, or empty, is malformed.
func ReadWhole(from Body, most int) (w Whole, err error) {
	for {
		piece, err := from.Next()
		if len(piece) > 0 {
			w.Body = append(w.Body, piece...)
			w.At, w.Waited = from.Last()
		}
		switch {
		case len(w.Body) > most:
			return w, &harness.AskError{Failure: harness.Malformed, Err: fmt.Errorf("the answer has more than %d bytes", most)}
		case errors.Is(err, io.EOF) && len(w.Body) == 0:
			return w, &harness.AskError{Failure: harness.Malformed, Err: errors.New("the answer has an empty body")}
		case errors.Is(err, io.EOF):
			return w, nil
		case err != nil:
			return w, err
		}
	}
}
