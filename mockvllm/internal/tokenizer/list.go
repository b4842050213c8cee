package tokenizer

import "bytes"

// ReadList reads a JSON list of tokens in one pass: the prompts of a load are such lists, of thousands of tokens, and
// encoding/json takes a tenth of a simulated run for them. It refuses everything else, which encoding/json then reads.
func ReadList(raw []byte) (tokens []Token, ok bool) {
	const digits = 9 // any number of so many is a token
	rest, ok := bytes.CutPrefix(raw, []byte("["))
	if !ok {
		return nil, false
	}
	tokens = make([]Token, 0, bytes.Count(rest, []byte(","))+1)
	for {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		n, token := 0, Token(0)
		for n < len(rest) && '0' <= rest[n] && rest[n] <= '9' {
			if n == digits {
				return nil, false
			}
			token = 10*token + Token(rest[n]-'0')
			n++
		}
		if n == 0 || n > 1 && rest[0] == '0' {
			return nil, false
		}
		tokens = append(tokens, token)
		rest = bytes.TrimLeft(rest[n:], " \t\r\n")
		switch {
		case len(rest) == 1 && rest[0] == ']':
			return tokens, true
		case len(rest) == 0 || rest[0] != ',':
			return nil, false
		}
		rest = rest[1:]
	}
}
