package validity

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
)

const person = `{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}}, "required": ["name"], "additionalProperties": false}`

func TestSchema_answersFollowIt(t *testing.T) {
	s, err := ReadSchema("person.json", []byte(person))
	require.NoError(t, err)
	for text, want := range map[string]harness.Validity{
		`{"name": "Ada", "age": 36}`:               harness.Valid,
		" \n{\"name\": \"Ada\"}\n":                 harness.Valid,
		`{"age": 36}`:                              harness.OffSchema,
		`{"name": "Ada", "age": -1}`:               harness.OffSchema,
		`{"name": "Ada", "born": 1815}`:            harness.OffSchema,
		`[]`:                                       harness.OffSchema,
		`{"name": "Ada"`:                           harness.NotJSON,
		`{"name": "Ada"} {"name": "Ada"}`:          harness.NotJSON,
		"```json\n{\"name\": \"Ada\"}\n```":        harness.NotJSON,
		``:                                         harness.NotJSON,
		strings.Repeat("[", 1e5):                   harness.NotJSON,
		`{"name": "` + strings.Repeat("a", 1e6):    harness.NotJSON,
		`{"name": "Ada", "age": 1e400}`:            harness.Valid, // an integer, if a large one
		`{"name": "Ada", "age": 36.5}`:             harness.OffSchema,
		`{"name": "Ada", "age": 36.0}`:             harness.Valid, // of the value 36: draft 6 and later
		`{"name": "\ud800"}`:                       harness.Valid,
		`{"name": null}`:                           harness.OffSchema,
		`{"name": "Ada", "name": "Grace"}`:         harness.Valid, // JSON leaves open what that means
		"\ufeff" + `{"name": "Ada"}`:               harness.NotJSON,
		`{'name': 'Ada'}`:                          harness.NotJSON,
		`NaN`:                                      harness.NotJSON,
		`<think>no</think>{"name": "Ada"}`:         harness.NotJSON,
		`{"name": "Ada", "age": 99999999999999}  `: harness.Valid,
	} {
		assert.Equal(t, want, s.Of(harness.Answer{Text: text}), "%.60s", text)
	}
}

func TestSchema_mistakesNameTheirPlace(t *testing.T) {
	for raw, says := range map[string]string{
		"{\n  \"type\": \"object\",\n}":          "x.json is no JSON: line 3",
		`[]`:                                     "is no schema for answers; write an object",
		`{"type": "obiect"}`:                     "x.json is no JSON Schema",
		`{"$ref": "https://example.com/y.json"}`: `"https://example.com/y.json" leads out of the file; copy what it names to $defs`,
		`{"$ref": "other.json"}`:                 "leads out of the file",
		`{"pattern": "("}`:                       "x.json is no JSON Schema",
		strings.Repeat(`{"not":`, 1e5):           "nests too deeply",
	} {
		_, err := ReadSchema("x.json", []byte(raw))
		assert.ErrorContains(t, err, says, "%.60s", raw)
		if err != nil {
			assert.NotContains(t, err.Error(), self)
		}
	}
}

const weather = `[{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}},
	{"type": "function", "function": {"name": "now"}}]`

func TestTools_callsAreOfThem(t *testing.T) {
	tools, err := ReadTools("tools.json", []byte(weather))
	require.NoError(t, err)
	for text, want := range map[string]harness.Validity{
		`get_weather{"city": "Oslo"}`:                   harness.Valid,
		`get_weather{"city": "Oslo"}now{}`:              harness.Valid,
		"get_weather {\"city\": \"a}{\"}\nnow {}":       harness.Valid,
		`now{"zone": 1}`:                                harness.Valid,
		`get_weather{}`:                                 harness.WrongCall,
		`get_weather{"city": 1}`:                        harness.WrongCall,
		`get_weather{"city": "Oslo"`:                    harness.WrongCall,
		`get_wether{"city": "Oslo"}`:                    harness.WrongCall,
		`get_weather`:                                   harness.WrongCall,
		`The weather is fine.`:                          harness.WrongCall,
		``:                                              harness.WrongCall,
		`get_weather{"city": "Oslo"} and it is fine.`:   harness.WrongCall,
		`get_weather[]`:                                 harness.WrongCall,
		"get_weather" + strings.Repeat(`{"a":`, 100000): harness.WrongCall,
	} {
		assert.Equal(t, want, tools.Of(harness.Answer{Calls: text}), "%.60s", text)
	}
	assert.Equal(t, harness.WrongCall, tools.Of(harness.Answer{Text: `now{}`}), "a text is no call, whatever it looks like")
	assert.Equal(t, harness.Valid, tools.Of(harness.Answer{Text: "Let me look.", Calls: `now{}`}), "text may stand beside a call")
}

func TestTools_mistakesAreNamed(t *testing.T) {
	for raw, says := range map[string]string{
		`{}`:                                     "is no list of tools",
		`[]`:                                     "declares no tool",
		`[{"type": "retrieval"}]`:                `tool 1 has the type "retrieval"`,
		`[{"type": "function", "function": {}}]`: "tool 1 has no function.name",
		`[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"a"}}]`:            `two tools are called "a"`,
		`[{"type":"function","function":{"name":"a","parameters":{"type":"obiect"}}}]`:                         `the parameters of "a" are no JSON Schema`,
		"[\n{\"type\": \"function\",\n\"function\" {}}]":                                                       "line 3",
		`[{"type":"function","function":{"name":"a","parameters":{"$ref":"https://example.com/parameters"}}}]`: "leads out of the file",
	} {
		_, err := ReadTools("t.json", []byte(raw))
		assert.ErrorContains(t, err, says, raw)
	}
}

func TestSteady_findsLoopsAndLeavesListsAlone(t *testing.T) {
	numbered := func(n int) string {
		var s strings.Builder
		for i := range n {
			s.WriteString(strings.Repeat("x", i) + ". Add the flour and stir.\n")
		}
		return s.String()
	}
	for name, test := range map[string]struct {
		text string
		want harness.Validity
	}{
		"one word, for long":                {"It is " + strings.Repeat("the ", 40), harness.Repeats},
		"one word, a few times":             {strings.Repeat("very ", 12) + "good", harness.Valid},
		"a sentence, again and again":       {"Yes. " + strings.Repeat("I am happy to help you. ", 9), harness.Repeats},
		"the last one is cut":               {strings.Repeat("I am happy to help you. ", 9) + "I am", harness.Repeats},
		"a refrain":                         {strings.Repeat("We all live in a yellow submarine, ", 4), harness.Valid},
		"a list of like steps":              {numbered(30), harness.Valid},
		"a loop that it came out of":        {strings.Repeat("ha ", 50) + "but now to the point: it is done.", harness.Valid},
		"a long piece":                      {strings.Repeat(strings.Repeat("a b c d e f g h i j ", 6), 8), harness.Repeats},
		"nothing":                           {"", harness.Valid},
		"the last one is cut within a word": {strings.Repeat("I am happy to help you. ", 40) + "I am hap", harness.Repeats},
		"a loop without spaces":             {"Well" + strings.Repeat("!", 200), harness.Repeats},
		"a loop in Chinese":                 {"好的。" + strings.Repeat("我很高兴为你服务。", 20), harness.Repeats},
		"a loop of exactly that length":     {"No" + strings.Repeat("a b c d e f g h ", 8) + "a", harness.Repeats},
		"a loop that is just too short":     {strings.Repeat("a b c d ", 8), harness.Valid},
	} {
		assert.Equal(t, test.want, Steady{}.Of(harness.Answer{Text: test.text}), name)
	}
}

func TestLetters_ofAScript(t *testing.T) {
	for name, test := range map[string]struct {
		script, text string
		want         harness.Validity
	}{
		"Latin":                        {"latin", "The café is open.", harness.Valid},
		"Latin in Chinese":             {"Chinese", "好的, I can help you with that today.", harness.Script},
		"a name in Chinese":            {"Chinese", "他在使用 vLLM 服务器来运行这个非常大的语言模型", harness.Valid},
		"Japanese":                     {"Japanese", "漢字とひらがなとカタカナ", harness.Valid},
		"Chinese where Latin was":      {"Latin", "The answer is 好的好的好的好的", harness.Script},
		"numbers only":                 {"Cyrillic", "42", harness.Valid},
		"nothing":                      {"Cyrillic", "", harness.Valid},
		"signs that all scripts share": {"Greek", "αβγ µ", harness.Valid},
	} {
		check, err := InScript(test.script)
		require.NoError(t, err, name)
		assert.Equal(t, test.want, check.Of(harness.Answer{Text: test.text}), name)
	}
	_, err := InScript("Lattin")
	assert.ErrorContains(t, err, `"Lattin" is no script; did you mean "Latin"?`)
}

func TestEnded_isNotCutAtItsLimit(t *testing.T) {
	for finish, want := range map[string]harness.Validity{"stop": harness.Valid, "tool_calls": harness.Valid, "end_turn": harness.Valid, "length": harness.Unended, "MAX_TOKENS": harness.Unended, "model_length": harness.Unended, "max_tokens": harness.Unended} {
		assert.Equal(t, want, Ended{}.Of(harness.Answer{Text: "so", Finish: finish}), finish)
	}
}
