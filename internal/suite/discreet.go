package suite

import (
	"github.com/vllmspec/vllmspec/internal/plain"
	"github.com/vllmspec/vllmspec/internal/redact"
)

// redact takes all that is secret out of a text from outside.
func (s *Suite) redact(text string) string { return s.secrets.Text(text) }

// shown is an error for who runs the tests: without secrets, and in lines that do
// nothing but say what they say.
func (s *Suite) shown(err error) error {
	if err == nil {
		return nil
	}
	if text := s.clean(err.Error()); text != err.Error() {
		return &redact.Error{Text: text, Err: err}
	}
	return err
}

// clean is a text for the output.
func (s *Suite) clean(text string) string {
	return s.secrets.Own(plain.Lines(s.secrets.Own(text)))
}
