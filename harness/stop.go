package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A Stop is why a load ended before its time. The zero value is that it did not.
type Stop struct {
	Kind   StopKind `json:"kind"`
	Detail string   `json:"detail,omitempty"` // what the kind alone does not say: the objective that was missed, the signal that came
}

// A StopKind is what ended a load.
type StopKind string

// The kinds. StopOther is one that a file of an older version names in a sentence.
const (
	StopInterrupted StopKind = "interrupted" // by the person, or the program, that started it
	StopAbandoned   StopKind = "abandoned"   // by [Runner.Abandon]; Detail is its reason
	StopKilled      StopKind = "killed"      // with the program, which wrote down the run no further
	StopOther       StopKind = "other"
)

// An Interruption is who or what ended a run from outside, "SIGTERM" say. It is the cause of the
// context that then ends.
type Interruption string

func (i Interruption) Error() string { return Stop{StopInterrupted, string(i)}.String() }

// InterruptedBy is the stop of a run whose context has ended.
func InterruptedBy(ctx context.Context) Stop {
	by, _ := errors.AsType[Interruption](context.Cause(ctx))
	return Stop{StopInterrupted, string(by)}
}

// Early reports whether the load ended before its time.
func (s Stop) Early() bool { return s.Kind != "" }

const (
	saysAbandoned = "abandoned: "
	saysBy        = " by "
	saysKilled    = "the program was killed; what it had written down by then is all there is"
)

// Err is the error of a run that this ended; nil for none.
func (s Stop) Err() error {
	switch s.Kind {
	case "":
		return nil
	case StopInterrupted:
		return fmt.Errorf("the run was %w", Interruption(s.Detail))
	}
	return errors.New("the run was " + s.String())
}

// String completes the sentence "the run was …", and is "" for a load that ended in
// its time.
func (s Stop) String() string {
	switch s.Kind {
	case StopInterrupted:
		if s.Detail != "" {
			return string(s.Kind) + saysBy + s.Detail
		}
	case StopAbandoned:
		return saysAbandoned + s.Detail
	case StopKilled:
		return saysKilled
	case StopOther:
		return s.Detail
	}
	return string(s.Kind)
}

// UnmarshalJSON also reads the sentence that files had before kinds were stored.
func (s *Stop) UnmarshalJSON(raw []byte) error {
	var said string
	if json.Unmarshal(raw, &said) == nil {
		*s = stopSaid(said)
		return nil
	}
	type plain Stop
	if err := json.Unmarshal(raw, (*plain)(s)); err != nil {
		return fmt.Errorf("why the load ended: %w", err)
	}
	return nil
}

func stopSaid(said string) Stop {
	detail, abandoned := strings.CutPrefix(said, saysAbandoned)
	switch {
	case abandoned:
		return Stop{StopAbandoned, detail}
	case said == saysKilled:
		return Stop{Kind: StopKilled}
	case said == "" || said == string(StopInterrupted):
		return Stop{Kind: StopKind(said)}
	}
	return Stop{StopOther, said}
}
