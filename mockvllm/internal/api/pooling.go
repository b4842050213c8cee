package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/mockvllm/internal/answer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
	"github.com/vllmspec/vllmspec/mockvllm/internal/pydantic"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/vector"
)

// dimensions of an embedding, unless the request says otherwise.
const dimensions = 1024

// A pooler answers as pooling models do.
type pooler struct{ *Handler }

// pool takes prompts through the engine, as a pooling model does: their prefill
// is computed and nothing is generated. It reports false when the client left.
func (s pooler) pool(r *http.Request, in arrival, prompts [][]tokenizer.Token) bool {
	if !s.pause(r, s.config.Frontend) {
		return false
	}
	sequences := make([]*engine.Sequence, len(prompts))
	for i, prompt := range prompts {
		sequences[i] = engine.NewSequence(engine.Order{Identity: in.identity + uint64(i), Arrived: in.arrived, Received: in.at, Prompt: prompt,
			NoCache: s.config.NoPrefixCache, Pooled: true, Whole: true, Answer: answer.Answer{Finish: "stop"}}, s.config.BlockSize)
	}
	s.engine.Submit(time.Now(), sequences...)
	for i, seq := range sequences {
		select {
		case <-seq.Notify:
		case <-r.Context().Done():
			s.engine.Abort(sequences[i:]...)
			return false
		case <-s.engine.Stopped():
			return false
		}
	}
	return true
}

// fits refuses prompts that are empty or longer than the context.
func fits(prompts [][]tokenizer.Token, longest int) *apiError {
	for _, prompt := range prompts {
		switch n := len(prompt); {
		case n == 0:
			return bad("input", "input must not be empty.")
		case n > longest:
			return misused("input_tokens", n, "This model's maximum context length is %d tokens. However, your prompt contains %d input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt.", longest, n)
		}
	}
	return nil
}

// serves refuses a model that is not served, in the words of the interfaces that pool.
func (s pooler) serves(model string) *apiError {
	_, apiErr := s.adapter(model)
	if apiErr != nil {
		apiErr.param, apiErr.text = "", fmt.Sprintf("The model `%s` does not exist.", model)
	}
	return apiErr
}

func (s pooler) embeddings(w http.ResponseWriter, r *http.Request) {
	in, ok := s.receive(w, r)
	if !ok {
		return
	}
	var body struct {
		Model      string          `json:"model"`
		Input      json.RawMessage `json:"input"`
		Dimensions int             `json:"dimensions"`
		Encoding   string          `json:"encoding_format"`
	}
	prompts, apiErr := s.inputs(in.body, &body, func() (string, json.RawMessage) { return body.Model, body.Input },
		"input", "messages", "messages", "messages", "input", "messages", "input")
	switch {
	case apiErr != nil:
	case body.Dimensions < 0 || body.Dimensions > 1<<16:
		apiErr = bad("dimensions", "dimensions must lie between 1 and %d, got %d.", 1<<16, body.Dimensions)
	case body.Encoding != "" && body.Encoding != "float" && body.Encoding != "base64":
		apiErr = bad("encoding_format", "encoding_format must be float or base64, got %q.", body.Encoding)
	}
	if apiErr != nil {
		s.fail(w, apiErr)
		return
	}
	if !s.pool(r, in, prompts) {
		return
	}
	s.replyOfEach(w, in, "embd", prompts, func(i int) map[string]any {
		return map[string]any{"index": i, "object": "embedding", "embedding": vector.Encoded(vector.Of(prompts[i], cmp.Or(body.Dimensions, dimensions)), body.Encoding)}
	})
}

// states asks for what is pooled of each input, whatever its shape: classes, or the states themselves.
func (s pooler) states(w http.ResponseWriter, r *http.Request, prefix string, forms []string, of func(i int, prompt []tokenizer.Token) map[string]any) {
	in, ok := s.receive(w, r)
	if !ok {
		return
	}
	var body struct {
		Model string          `json:"model"`
		Input json.RawMessage `json:"input"`
	}
	prompts, apiErr := s.inputs(in.body, &body, func() (string, json.RawMessage) { return body.Model, body.Input }, forms...)
	if apiErr != nil {
		s.fail(w, apiErr)
		return
	}
	if s.pool(r, in, prompts) {
		s.replyOfEach(w, in, prefix, prompts, func(i int) map[string]any { return of(i, prompts[i]) })
	}
}

func (s pooler) classify(w http.ResponseWriter, r *http.Request) {
	s.states(w, r, "classify", []string{"input", "messages"}, func(i int, prompt []tokenizer.Token) map[string]any {
		likely := vector.Likelihood(prompt)
		label := map[bool]string{false: "LABEL_0", true: "LABEL_1"}[likely > 0.5]
		return map[string]any{"index": i, "label": label, "probs": []float64{1 - likely, likely}, "num_classes": 2}
	})
}

func (s pooler) pooling(w http.ResponseWriter, r *http.Request) {
	s.states(w, r, "pooling", []string{"input", "messages", "data"}, func(i int, prompt []tokenizer.Token) map[string]any {
		return map[string]any{"index": i, "object": "pooling", "data": vector.Of(prompt, dimensions)}
	})
}

// replyOfEach answers with one result for each prompt.
func (s pooler) replyOfEach(w http.ResponseWriter, in arrival, prefix string, prompts [][]tokenizer.Token, of func(i int) map[string]any) {
	data, total := make([]map[string]any, len(prompts)), 0
	for i, prompt := range prompts {
		data[i], total = of(i), total+len(prompt)
	}
	reply(w, pooledReply(s.config.Names[0], prefix, in, map[string]any{"data": spoilt(in, data)}, total))
}

// spoilt is what a fault makes of results: the last one is missing, or the first holds no numbers.
func spoilt(in arrival, results []map[string]any) []map[string]any {
	switch in.hit.Kind {
	case faults.Cut:
		return results[:len(results)-1]
	case faults.Garble:
		for _, member := range []string{"embedding", "probs", "data", "score", "relevance_score"} {
			if _, has := results[0][member]; has {
				results[0][member] = nil
			}
		}
	}
	return results
}

// inputs reads the body of a pooling request and the prompts in it: one text or
// list of token ids, or several. Forms are the members that bodies have here, one of which is input.
func (s pooler) inputs(raw []byte, body any, of func() (model string, input json.RawMessage), forms ...string) ([][]tokenizer.Token, *apiError) {
	if err := json.Unmarshal(raw, body); err != nil {
		return nil, invalid(raw, err)
	}
	if flaws := pydantic.Lacking(raw, []string{"input"}, forms...); flaws != nil {
		return nil, flawed(flaws...)
	}
	model, input := of()
	if apiErr := s.serves(model); apiErr != nil {
		return nil, apiErr
	}
	prompts := tokenizer.ReadPrompts(input)
	if len(prompts) == 0 {
		return nil, bad("", "You must pass at least one prompt")
	}
	return prompts, fits(prompts, s.config.MaxModelLen)
}

func pooledReply(model, prefix string, in arrival, fields map[string]any, tokens int) map[string]any {
	out := map[string]any{"id": fmt.Sprintf("%s-%016x", prefix, in.identity), "object": "list", "created": time.Now().Unix(), "model": model,
		"usage": map[string]any{"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0, "prompt_tokens_details": nil, "completion_tokens_details": nil}}
	for name, value := range fields {
		out[name] = value
	}
	return out
}

func (s pooler) score(w http.ResponseWriter, r *http.Request) {
	forms := []string{"queries", "documents", "queries", "items", "data_1", "data_2", "text_1", "text_2"}
	s.compare(w, r, forms[6:], forms, func(raw []byte) (string, []string, int) {
		var body struct {
			One    string          `json:"text_1"`
			Others json.RawMessage `json:"text_2"`
		}
		var one string
		var others []string
		if json.Unmarshal(raw, &body) == nil && json.Unmarshal(body.Others, &one) == nil {
			others = []string{one}
		} else {
			_ = json.Unmarshal(body.Others, &others) // none of them is refused later
		}
		return body.One, others, 0
	}, func(in arrival, scores []float64, _ []string, _ int) map[string]any {
		data := make([]map[string]any, len(scores))
		for i, v := range scores {
			data[i] = map[string]any{"index": i, "object": "score", "score": v}
		}
		return map[string]any{"data": spoilt(in, data)}
	})
}

func (s pooler) rerank(w http.ResponseWriter, r *http.Request) {
	forms := []string{"query", "documents"}
	s.compare(w, r, forms, forms, func(raw []byte) (string, []string, int) {
		var body struct {
			Query     string   `json:"query"`
			Documents []string `json:"documents"`
			TopN      int      `json:"top_n"`
		}
		_ = json.Unmarshal(raw, &body) // what is missing is refused later
		return body.Query, body.Documents, body.TopN
	}, func(in arrival, scores []float64, documents []string, top int) map[string]any {
		order := make([]int, len(scores))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
		var results []map[string]any
		for _, i := range order[:min(len(order), cmp.Or(max(0, top), len(order)))] {
			results = append(results, map[string]any{"index": i, "document": map[string]any{"text": documents[i], "multi_modal": nil}, "relevance_score": scores[i]})
		}
		return map[string]any{"results": spoilt(in, results)}
	})
}

// compare computes one text against others and answers with what show makes of
// the scores. Needs are the members that a body must have, among those that bodies have here.
func (s pooler) compare(w http.ResponseWriter, r *http.Request, needs, forms []string, read func([]byte) (string, []string, int), show func(arrival, []float64, []string, int) map[string]any) {
	in, ok := s.receive(w, r)
	if !ok {
		return
	}
	one, others, top := read(in.body)
	prompts := vector.Pairs(one, others)
	if apiErr := s.comparable(in.body, needs, forms, prompts); apiErr != nil {
		s.fail(w, apiErr)
		return
	}
	if !s.pool(r, in, prompts) {
		return
	}
	scores, total := make([]float64, len(prompts)), 0
	for i, p := range prompts {
		scores[i], total = vector.Likelihood(p), total+len(p)
	}
	out := pooledReply(s.config.Names[0], "score", in, show(in, scores, others, top), total)
	if out["results"] != nil { // rankings have an envelope of their own
		delete(out, "object")
		delete(out, "created")
		out["usage"] = map[string]int{"prompt_tokens": total, "total_tokens": total}
	}
	reply(w, out)
}

// comparable refuses what cannot be compared.
func (s pooler) comparable(raw []byte, needs, forms []string, prompts [][]tokenizer.Token) *apiError {
	if flaws := pydantic.Lacking(raw, needs, forms...); flaws != nil {
		return flawed(flaws...)
	}
	if apiErr := s.serves(gjson.GetBytes(raw, "model").String()); apiErr != nil {
		return apiErr
	}
	if len(prompts) == 0 {
		return bad("", "At least one text_pair element must be given")
	}
	return fits(prompts, s.config.MaxModelLen)
}
