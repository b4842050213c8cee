package harness

import "strings"

// A Warning is a gap or an oddity of a run that does not end it. In files it is its text.
type Warning struct {
	Kind WarningKind
	Text string
}

// A WarningKind says what a program can make of a warning.
type WarningKind int

// The kinds.
const (
	Oddity  WarningKind = iota // for the reader
	LetPass                    // an objective is unknown, and did not fail its scenario
)

// begins is how the text of a kind begins in files, by which it is recognised there.
func (k WarningKind) begins() string {
	if k == LetPass {
		return "unknown, and let pass as VLLMSPEC_UNKNOWN=warn asks: "
	}
	return ""
}

// String is the warning as readers and files have it.
func (w Warning) String() string { return w.Kind.begins() + w.Text }

// MarshalText writes the text.
func (w Warning) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (w *Warning) UnmarshalText(text []byte) error {
	*w = Warning{Oddity, string(text)}
	if rest, found := strings.CutPrefix(w.Text, LetPass.begins()); found {
		*w = Warning{LetPass, rest}
	}
	return nil
}

// Oddities are warnings for the reader.
func Oddities(texts ...string) (out []Warning) {
	for _, text := range texts {
		out = append(out, Warning{Oddity, text})
	}
	return out
}

// WarningTexts are warnings as readers have them.
func WarningTexts(warnings []Warning) (out []string) {
	for _, w := range warnings {
		out = append(out, w.String())
	}
	return out
}
