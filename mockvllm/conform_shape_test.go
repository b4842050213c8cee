package mockvllm_test

import (
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// A shape says of every place in a JSON value what stands there. Places in an
// array are one place; what stands in any of its elements is joined.
type shape map[string]string

// events are the shapes of what a body holds: one, or those of a stream's events,
// where several of one shape in a row count as one: how many there are depends on
// when tokens came, and usage tells it. Of several answers each has its own events,
// one answer after the other, and then come those that are about all of them.
func events(body string, exact bool) []shape {
	if gjson.Valid(body) || !strings.Contains(body, "data: ") {
		return []shape{shapeOf(body, exact)}
	}
	var of [4][]shape
	for block := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		kind, data, named := strings.Cut(block, "\n")
		if !named {
			kind, data = "", block
		}
		data = strings.TrimPrefix(data, "data: ")
		s := shapeOf(data, exact)
		if named {
			s["event"] = strings.TrimPrefix(kind, "event: ")
		}
		answer := len(of) - 1
		if index := gjson.Get(data, "choices.0.index"); index.Exists() {
			answer = int(index.Int())
		}
		if n := len(of[answer]); n == 0 || !maps.Equal(of[answer][n-1], s) {
			of[answer] = append(of[answer], s)
		}
	}
	return slices.Concat(of[:]...)
}

func shapeOf(body string, exact bool) shape {
	s := shape{}
	if !gjson.Valid(body) {
		s["body"] = strings.TrimSpace(body)
		return s
	}
	s.take("", "", gjson.Parse(body), exact)
	return s
}

func (s shape) take(path, key string, v gjson.Result, exact bool) {
	switch {
	case v.IsObject() && namedByText(key) && !v.Get("logprob").Exists():
		s.join(path, "an object of texts")
		v.ForEach(func(_, value gjson.Result) bool {
			s.take(path+".*", "", value, exact)
			return true
		})
	case v.IsObject():
		v.ForEach(func(k, value gjson.Result) bool {
			s.take(strings.TrimPrefix(path+"."+k.Str, "."), k.Str, value, exact)
			return true
		})
	case v.IsArray():
		if len(v.Array()) == 0 && key != "bytes" { // a control token has no text
			s.join(path, "[]")
		}
		for _, value := range v.Array() {
			s.take(path+"[]", key, value, exact)
		}
	case path == "results[].index": // in the order of scores
		s.join(path, formOf("", v, exact))
	default:
		s.join(path, formOf(key, v, exact))
	}
}

// join notes one more thing that stands at a place.
func (s shape) join(path, form string) {
	all := strings.Split(s[path], " or ")
	if s[path] == "" {
		all = nil
	}
	if !slices.Contains(all, form) {
		all = append(all, form)
	}
	slices.Sort(all)
	s[path] = strings.Join(all, " or ")
}

// namedByText reports whether the keys of an object are tokens and not names.
func namedByText(key string) bool { return key == "top_logprobs" || key == "prompt_logprobs" }

// words are the fields whose text says one of a few things; text elsewhere is text.
var words = []string{"object", "finish_reason", "stop_reason", "type", "role", "param", "owned_by", "status", "reason", "error", "message",
	"organization", "object", "tool_choice", "truncation", "service_tier", "version", "background", "output_mode"}

// figures are the fields whose numbers are the same everywhere; counts are those
// that are where the prompt is token ids and the answer has a length.
var (
	figures = []string{"index", "code", "max_model_len", "output_index", "content_index", "server_load"}
	counts  = []string{"prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens"}
)

var identity = regexp.MustCompile(`^((?:[a-z]+[-_])+)[0-9a-f]{8,}`)

func formOf(key string, v gjson.Result, exact bool) string {
	switch v.Type {
	case gjson.Null:
		return "null"
	case gjson.True, gjson.False:
		return v.Raw
	case gjson.Number:
		if slices.Contains(figures, key) || exact && slices.Contains(counts, key) {
			return v.Raw
		}
		return "a number"
	}
	switch {
	case slices.Contains(words, key):
		return fmt.Sprintf("%q", v.Str)
	case key == "system_fingerprint":
		return regexp.MustCompile(`[0-9a-f]{8}$`).ReplaceAllString(v.Str, "…")
	case identity.MatchString(v.Str):
		return identity.FindStringSubmatch(v.Str)[1] + "…"
	case strings.HasSuffix(key, "id") && v.Str != "":
		return v.Str
	}
	return "a text"
}

func keysOf(a, b shape) iter.Seq[string] {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return maps.Keys(all)
}
