package limit

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func nested(n int, open, inside, shut string) string {
	return strings.Repeat(open, n) + inside + strings.Repeat(shut, n)
}

func TestTooDeep_findsWhatNestsTooDeep(t *testing.T) {
	for text, deep := range map[string]bool{
		nested(Depth, "[", "1", "]"):                            false,
		nested(Depth+1, "[", "1", "]"):                          true,
		nested(Depth+1, `{"a":`, "1", "}"):                      true,
		strings.Repeat("[", Depth+1):                            true,
		strings.Repeat("[", 8<<20):                              true,
		strings.Repeat("[]", Depth*2):                           false,
		`"` + strings.Repeat("[", Depth*2) + `"`:                false,
		`"\"` + strings.Repeat("{", Depth*2) + `"`:              false,
		`"\\"` + strings.Repeat("{", Depth*2):                   true,
		`["a\\\"` + strings.Repeat("{", Depth*2) + `"]`:         false,
		`"` + strings.Repeat(`\`, 2*Depth):                      false,
		nested(Depth/2, `[{"a":"]","b":`, `"}"`, "}]"):          false,
		nested(Depth/2+1, `[{"a":"]","b":`, `"}"`, "}]"):        true,
		strings.Repeat("]", Depth) + strings.Repeat("[", Depth): false,
		"": false,
	} {
		assert.Equal(t, deep, TooDeep([]byte(text)), "%.60q, %d bytes", text, len(text))
	}
}

func TestTooDeep_needsNoMemory(t *testing.T) {
	text := []byte(nested(Depth/2, `{"a\"b":[`, `"\\"`, "]}"))
	assert.False(t, TooDeep(text))
	assert.Zero(t, testing.AllocsPerRun(10, func() { TooDeep(text) }))
}

// FuzzTooDeep holds it against the depth that a parser finds in what is JSON.
func FuzzTooDeep(f *testing.F) {
	f.Add([]byte(`{"a":[1,"\"]",{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		// What is JSON is no deeper in as many arrays as make it just too deep, or just not.
		most := 0
		for depth, from := 0, json.NewDecoder(strings.NewReader(string(text))); ; {
			token, err := from.Token()
			if err != nil {
				break
			}
			switch token {
			case json.Delim('['), json.Delim('{'):
				depth++
			case json.Delim(']'), json.Delim('}'):
				depth--
			}
			most = max(most, depth)
		}
		if most > Depth {
			return
		}
		assert.False(t, TooDeep([]byte(nested(Depth-most, "[", string(text), "]"))))
		assert.True(t, TooDeep([]byte(nested(Depth-most+1, "[", string(text), "]"))))
	})
}

func TestBounds_growWithWhatIsAskedAndNeverOverflow(t *testing.T) {
	for _, of := range []func(int) int{AnswerEvents, AnswerBytes, AnswerText} {
		assert.Less(t, of(16), of(1024))
		assert.Positive(t, of(0))
		assert.Equal(t, of(0), of(-1))
		assert.Positive(t, of(1<<62))
		assert.GreaterOrEqual(t, of(1<<62), of(1024))
	}
	assert.Greater(t, AnswerEvents(16), 16*20, "twenty events for each token, and some besides")
	assert.Equal(t, Tokens, PromptTokens(1<<40))
}
