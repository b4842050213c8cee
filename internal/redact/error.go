package redact

// An Error is an error with another text: the one that may be shown.
type Error struct {
	Text string
	Err  error // what it is an error of, for errors.Is and errors.As
}

// Error is the text that may be shown.
func (e *Error) Error() string { return e.Text }

// Unwrap is the error as it was.
func (e *Error) Unwrap() error { return e.Err }
