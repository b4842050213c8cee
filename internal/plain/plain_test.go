package plain_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/internal/plain"
)

func TestLine_isOneLineThatDoesNothing(t *testing.T) {
	for text, want := range map[string]string{
		"the queue is full":             "the queue is full",
		"Größe: 3 × 4 µs, 日本語, 🙂":       "Größe: 3 × 4 µs, 日本語, 🙂",
		"two\nlines\r\nand\ta tab":      "two lines and a tab",
		"\x1b[31mred\x1b[0m":            "[31mred [0m",
		"a\x07bell \u009b31m":           "a bell 31m",
		"pass\u202edeliaf\u2066":        "passdeliaf",
		"cut \xff here":                 "cut here",
		"a\u2028b\u2029c\u0085d\u00a0e": "a b c d e",
		"::add-mask::x":                 ": :add-mask::x",
		" \n ::error file=a::b":         ": :error file=a::b",
		"std::vector::at":               "std::vector::at",
		"a ##[group]b":                  "a # #[group]b",
		"##vso[task.setvariable]x":      "# #vso[task.setvariable]x",
		"x ##teamcity[testFailed]":      "x # #teamcity[testFailed]",
		"###[error]x":                   "## #[error]x",
		"## a heading":                  "## a heading",
		"section_start:1:a\r\x1b[0Ka":   "section_start :1:a [0Ka",
		"\u200b::stop-commands::x":      ": :stop-commands::x",
		"\u3000::stop-commands::x":      ": :stop-commands::x",
		":\u200b:stop-commands::x":      ": :stop-commands::x",
		"#\u200b#[error]x":              "# #[error]x",
		"":                              "",
	} {
		assert.Equal(t, want, plain.Line(text), "%q", text)
	}
}

func TestLines_keepColumns(t *testing.T) {
	assert.Equal(t, "a   b\n  : :error::x\nc\td", plain.Lines("a   b\r\n  ::error::x\nc\td"))
	assert.Equal(t, "over  ::error::x", plain.Lines("over\r\a::error::x"), "it does not begin a line any more")
}

var command = regexp.MustCompile(`^\s*::|##([A-Za-z]+)?\[|section_(start|end):`)

// FuzzLine holds what every reader of a line relies on.
func FuzzLine(f *testing.F) {
	for _, seed := range []string{"::error::x", "a\r::b", "###vso[[x]", "\x1b]0;t\a", "\u202e::", "section_section_start:x", "#\u200d#teamcity[", ":::", "a \n ::x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line, lines := plain.Line(text), plain.Lines(text)
		assert.NotContains(t, line, "\n")
		for one := range strings.SplitSeq(line+"\n"+lines, "\n") {
			assert.True(t, utf8.ValidString(one))
			assert.False(t, command.MatchString(one), "%q", one)
			for _, r := range one {
				if r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.IsSpace(r) && r != ' ') {
					t.Errorf("%q has %U", one, r)
				}
			}
		}
		assert.Equal(t, line, plain.Line(line), "a line stays what it is")
		assert.Equal(t, lines, plain.Lines(lines))
	})
}
