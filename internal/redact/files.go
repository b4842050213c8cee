package redact

import (
	"bytes"
	"encoding/json"
	"strings"
)

// OwnFile is a file of ours without the secrets that are known: whatever came from outside is
// without them already, and this is the last look.
func (s *Secrets) OwnFile(name string, data []byte) []byte {
	text := string(data)
	cleaned := s.Own(text)
	if cleaned == text {
		return data
	}
	if !strings.HasSuffix(name, ".json") {
		return []byte(cleaned)
	}
	var indented bytes.Buffer // within strings only: a number stays one
	if err := json.Indent(&indented, s.OwnJSON(data), "", "  "); err != nil {
		return []byte(cleaned)
	}
	return append(indented.Bytes(), '\n')
}
