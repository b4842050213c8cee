package limit

import "bytes"

// TooDeep reports whether a text nests deeper than [Depth], as far as it is JSON. It is for
// before a parser that recurses sees it: it needs no memory, and looks at nothing that is
// too short to be deep.
func TooDeep(text []byte) bool {
	if len(text) <= Depth {
		return false
	}
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '[', '{':
			if depth++; depth > Depth {
				return true
			}
		case ']', '}':
			depth--
		case '"':
			i = endOfString(text, i+1)
		}
	}
	return false
}

// endOfString is where the string ends that begins at from: at its quote, or with the text.
func endOfString(text []byte, from int) int {
	for {
		at := bytes.IndexByte(text[from:], '"')
		if at < 0 {
			return len(text)
		}
		at += from
		escapes := 0
		for at-1-escapes >= from && text[at-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return at
		}
		from = at + 1
	}
}
