package sentence

import (
	"errors"
	"fmt"
)

// A Misplaced error is a mistake with the place where it stands.
type Misplaced struct {
	Where string // "features/chat.feature:23"
	Err   error
}

// Placed says where a mistake stands, unless the mistake itself says it; nil for none.
func Placed(where string, err error) error {
	if err == nil {
		return nil
	}
	if _, has := errors.AsType[*Misplaced](err); has {
		return err
	}
	return &Misplaced{where, err}
}

// Error is the mistake, with its place first.
func (m *Misplaced) Error() string { return fmt.Sprintf("%s: %v", m.Where, m.Err) }

// Unwrap is the mistake.
func (m *Misplaced) Unwrap() error { return m.Err }
