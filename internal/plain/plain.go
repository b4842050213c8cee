// Package plain makes text from outside, from a server, a data set, a feature or a stored
// run, into text that is nothing else. It moves no cursor, turns no direction of writing, has
// no lines that its reader does not see, and is no command: CI systems obey lines of the output
// such as "::add-mask::x". The page, the console and the CI formats show text from outside through it. It escapes
// nothing for HTML, XML or Markdown; each of these does that itself.
package plain

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line is a text as one line: other white space, and what controls a terminal, are spaces, and what
// cannot be seen is left out.
func Line(text string) string {
	if isWord(text) {
		return text
	}
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return visible(r)
	}, text)
	return disarm(strings.Join(strings.Fields(text), " "))
}

// Lines is a text in its lines, with its columns.
func Lines(text string) string {
	if isWord(text) {
		return text
	}
	text = strings.Map(visible, strings.ReplaceAll(text, "\r\n", "\n"))
	if !strings.Contains(text, "\n") {
		return disarm(text)
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = disarm(lines[i])
	}
	return strings.Join(lines, "\n")
}

// isWord reports whether a text is letters, digits and a few signs, as most names are.
func isWord(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '/':
		default:
			return false
		}
	}
	return true
}

// visible is a character, or what stands in its place; -1 for nothing.
func visible(r rune) rune {
	switch {
	case r == '\n' || r == '\t' || r >= ' ' && r < 0x7f:
		return r
	case r == utf8.RuneError:
		return -1
	case unicode.IsControl(r), unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.Cf, r): // marks of direction, spaces without width
		return -1
	}
	return r
}

// What CI systems obey. GitHub's commands stand at the beginning of a line, behind any white
// space, or are ##[…] anywhere; Azure's are ##vso[…], TeamCity's ##teamcity[…]; GitLab's fold
// sections.
var (
	atBeginning = regexp.MustCompile(`^(\s*:)(:)`)
	anywhere    = regexp.MustCompile(`#(#(?:[A-Za-z]+)?\[)`)
	section     = regexp.MustCompile(`(section_(?:start|end)|travis_(?:fold|time))(:)`)
)

// disarm makes a line that a CI system would obey into one that it shows. A space does that, and
// the words stay readable.
func disarm(line string) string {
	if strings.Contains(line, "::") {
		line = atBeginning.ReplaceAllString(line, "$1 $2")
	}
	if strings.Contains(line, "##") {
		line = anywhere.ReplaceAllString(line, "# $1")
	}
	if strings.Contains(line, "section_") || strings.Contains(line, "travis_") {
		line = section.ReplaceAllString(line, "$1 $2")
	}
	return line
}
