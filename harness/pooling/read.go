package pooling

import (
	"bytes"
	"fmt"
	"iter"
	"math"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// A reader reads the answer to a request of so many inputs.
type reader struct {
	*Client
	inputs int
}

// Read yields an answer as one chunk, where it is whole: see [client.Protocol].
func (r reader) Read(from client.Body, _ string, most int) iter.Seq2[harness.Chunk, error] {
	return func(yield func(harness.Chunk, error) bool) {
		whole, err := client.ReadWhole(from, most)
		if err != nil {
			yield(harness.Chunk{}, err)
			return
		}
		chunk, err := r.chunk(whole.Body)
		chunk.At, chunk.Waited = whole.At, whole.Waited
		yield(chunk, err)
	}
}

// chunk is what a body says. It is an error unless it has one finite result for each input.
func (r reader) chunk(body []byte) (harness.Chunk, error) {
	switch {
	case limit.TooDeep(body):
		return harness.Chunk{}, failed(harness.Malformed, "the answer nests more than %d deep", limit.Depth)
	case !gjson.ValidBytes(body) && namesNoNumber(body):
		return harness.Chunk{}, failed(harness.NotFinite, "the answer holds NaN or an infinity in place of a number: %s", start(body))
	case !gjson.ValidBytes(body):
		return harness.Chunk{}, failed(harness.Malformed, "the answer is not JSON: %s", start(body))
	}
	root := gjson.ParseBytes(body)
	results := root.Get(r.Task.list)
	if !results.IsArray() {
		return harness.Chunk{}, failed(harness.Malformed, "the answer has no list %q of %s: %s", r.Task.list, r.Task.Asks, start(body))
	}
	c := harness.Chunk{Tokens: harness.Unreported, AtOnce: true, Finish: "stop", Model: root.Get("model").String(), RequestID: root.Get("id").String()}
	c.Usage = usage(root.Get("usage"))
	var err error
	c.Pooled, err = r.count(results)
	return c, err
}

// count holds results against the inputs: one of each, of finite numbers, and as many of each as of
// the first.
func (r reader) count(results gjson.Result) (n int, err error) {
	seen := make([]bool, r.inputs)
	numbers := 0
	results.ForEach(func(_, result gjson.Result) bool {
		at := n
		if index := result.Get("index"); index.Exists() {
			at = int(index.Int())
		}
		switch n++; {
		case n > r.inputs:
			return true // they are counted to the end
		case at < 0 || at >= r.inputs || seen[at]:
			err = failed(harness.WrongCount, "result %d of the answer is of input %d, which there is not, or which has one", n, at)
			return false
		}
		seen[at] = true
		var has int
		has, err = finite(result.Get(r.Task.result))
		switch {
		case err != nil:
			err = failed(harness.NotFinite, "the %s of input %d: %v", r.Task.result, at, err)
		case has == 0:
			err = failed(harness.Malformed, "the answer has no %q of input %d", r.Task.result, at)
		case numbers > 0 && has != numbers && !r.Task.ofTokens:
			err = failed(harness.Malformed, "the %s of input %d has %d numbers, and the one before %d", r.Task.result, at, has, numbers)
		}
		numbers = has
		return err == nil
	})
	if err == nil && n != r.inputs {
		err = failed(harness.WrongCount, "the answer has %d %s, of %d inputs", n, r.Task.Asks, r.inputs)
	}
	return n, err
}

// finite counts the numbers of a value, or of the lists that it is. The error is that one of them is none.
func finite(v gjson.Result) (n int, err error) {
	switch {
	case v.IsArray():
		v.ForEach(func(_, of gjson.Result) bool {
			var more int
			more, err = finite(of)
			n += more
			return err == nil
		})
		return n, err
	case !v.Exists():
		return 0, nil
	case v.Type != gjson.Number || math.IsInf(v.Num, 0) || math.IsNaN(v.Num):
		return 0, fmt.Errorf("%s is no finite number", start([]byte(v.Raw)))
	}
	return 1, nil
}

// namesNoNumber reports whether a body that is no JSON holds what Python writes for a number that is none.
func namesNoNumber(body []byte) bool {
	return bytes.Contains(body, []byte("NaN")) || bytes.Contains(body, []byte("Infinity"))
}

// usage is what the server counted; nil where it does not say.
func usage(v gjson.Result) *harness.Usage {
	if !v.IsObject() {
		return nil
	}
	u := &harness.Usage{OutputTokens: harness.Unreported, ReasoningTokens: harness.Unreported}
	number := func(path string) int {
		n := v.Get(path)
		if n.Type != gjson.Number {
			return harness.Unreported
		}
		if n.Num < 0 || n.Num != math.Trunc(n.Num) || n.Num > limit.Tokens {
			u.Invalid = true
			return harness.Unreported
		}
		return int(n.Num)
	}
	u.PromptTokens, u.TotalTokens, u.CachedTokens = number("prompt_tokens"), number("total_tokens"), number("prompt_tokens_details.cached_tokens")
	return u
}

// start is the beginning of a text from outside.
func start(text []byte) string {
	const most = 200
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}

func failed(failure harness.Failure, format string, args ...any) error {
	return &harness.AskError{Failure: failure, Err: fmt.Errorf(format, args...)}
}
