package pooling_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/pooling"
)

func serving(t *testing.T, task pooling.Task, handler http.HandlerFunc) *pooling.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c := &pooling.Client{Client: &openai.Client{Endpoint: client.Endpoint{URL: server.URL}, Model: "tiny"}, Task: task}
	t.Cleanup(c.Close)
	return c
}

// answering answers everything with a body.
func answering(t *testing.T, task pooling.Task, body string) *pooling.Client {
	t.Helper()
	return serving(t, task, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
	})
}

func two() harness.Prompt {
	return harness.Prompt{Text: "fox", Inputs: []harness.Input{{Text: "a fox"}, {Text: "a hound"}}}
}

// last is what came of a prompt: the chunk with the results, or the failure.
func last(c *pooling.Client, p harness.Prompt) (chunk harness.Chunk, err error) {
	for chunk, err = range c.Ask(context.Background(), p) {
		if err != nil {
			return chunk, err
		}
	}
	return chunk, nil
}

func TestRead_wholeAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		task pooling.Task
		body string
	}{
		"vectors":            {pooling.Embed(), `{"id":"e-1","model":"tiny","data":[{"index":0,"embedding":[0.1,-2e-3]},{"index":1,"embedding":[3,4]}],"usage":{"prompt_tokens":5,"total_tokens":5,"completion_tokens":0}}`},
		"in another order":   {pooling.Embed(), `{"data":[{"index":1,"embedding":[1]},{"index":0,"embedding":[2]}],"usage":{"prompt_tokens":5}}`},
		"without an index":   {pooling.Embed(), `{"data":[{"embedding":[1]},{"embedding":[2]}],"usage":{"prompt_tokens":5}}`},
		"classes":            {pooling.Classify(), `{"data":[{"index":0,"label":"a","probs":[0.9,0.1]},{"index":1,"label":"b","probs":[0.2,0.8]}],"usage":{"prompt_tokens":5}}`},
		"states":             {pooling.Pool(), `{"data":[{"index":0,"data":[1,2]},{"index":1,"data":[3,4]}],"usage":{"prompt_tokens":5}}`},
		"states of tokens":   {pooling.Pool(), `{"data":[{"index":0,"data":[[1,2],[3,4]]},{"index":1,"data":[[5,6]]}],"usage":{"prompt_tokens":5}}`},
		"scores":             {pooling.Score(), `{"data":[{"index":0,"score":0.5},{"index":1,"score":1}],"usage":{"prompt_tokens":5}}`},
		"a ranking":          {pooling.Rerank(), `{"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}],"usage":{"prompt_tokens":5}}`},
		"a ranking, spelt":   {pooling.Rerank(), `{"results":[{"index":1,"document":{"text":"NaN"},"relevance_score":0.9},{"index":0,"relevance_score":0}],"usage":{"prompt_tokens":5}}`},
		"with further lists": {pooling.Score(), `{"data":[{"index":0,"score":0.5},{"index":1,"score":1}],"results":[],"usage":{"prompt_tokens":5}}`},
	} {
		t.Run(name, func(t *testing.T) {
			chunk, err := last(answering(t, c.task, c.body), two())
			require.NoError(t, err)
			assert.True(t, chunk.AtOnce)
			assert.Equal(t, 2, chunk.Pooled)
			assert.Equal(t, "stop", chunk.Finish)
			assert.Equal(t, 5, chunk.Usage.PromptTokens)
			assert.Equal(t, harness.Unreported, chunk.Usage.OutputTokens, "nothing is generated")
		})
	}
}

func TestRead_failuresHaveNames(t *testing.T) {
	for name, c := range map[string]struct {
		task    pooling.Task
		body    string
		failure harness.Failure
		says    string
	}{
		"not JSON":         {pooling.Embed(), `<html>`, harness.Malformed, "the answer is not JSON: <html>"},
		"cut short":        {pooling.Embed(), `{"data":[{"index":0,"embedding":[0.1`, harness.Malformed, "the answer is not JSON"},
		"empty":            {pooling.Embed(), ``, harness.Malformed, "the answer has an empty body"},
		"no list":          {pooling.Embed(), `{"object":"list"}`, harness.Malformed, `the answer has no list "data" of embeddings`},
		"another task's":   {pooling.Rerank(), `{"data":[{"index":0,"score":1}]}`, harness.Malformed, `no list "results" of rankings`},
		"too few":          {pooling.Embed(), `{"data":[{"index":0,"embedding":[1]}]}`, harness.WrongCount, "the answer has 1 embeddings, of 2 inputs"},
		"too many":         {pooling.Score(), `{"data":[{"index":0,"score":1},{"index":1,"score":1},{"index":2,"score":1}]}`, harness.WrongCount, "the answer has 3 scores, of 2 inputs"},
		"none":             {pooling.Score(), `{"data":[]}`, harness.WrongCount, "the answer has 0 scores"},
		"one twice":        {pooling.Score(), `{"data":[{"index":0,"score":1},{"index":0,"score":1}]}`, harness.WrongCount, "result 2 of the answer is of input 0"},
		"of no input":      {pooling.Score(), `{"data":[{"index":7,"score":1},{"index":0,"score":1}]}`, harness.WrongCount, "is of input 7"},
		"NaN":              {pooling.Embed(), `{"data":[{"index":0,"embedding":[NaN]},{"index":1,"embedding":[1]}]}`, harness.NotFinite, "NaN or an infinity"},
		"infinity":         {pooling.Score(), `{"data":[{"index":0,"score":Infinity},{"index":1,"score":1}]}`, harness.NotFinite, "NaN or an infinity"},
		"beyond a float":   {pooling.Score(), `{"data":[{"index":0,"score":1e999},{"index":1,"score":1}]}`, harness.NotFinite, "1e999 is no finite number"},
		"null":             {pooling.Embed(), `{"data":[{"index":0,"embedding":[1,null]},{"index":1,"embedding":[1,2]}]}`, harness.NotFinite, "the embedding of input 0: null is no finite number"},
		"a string":         {pooling.Score(), `{"data":[{"index":0,"score":"0.5"},{"index":1,"score":1}]}`, harness.NotFinite, `"0.5" is no finite number`},
		"no numbers":       {pooling.Embed(), `{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[1]}]}`, harness.Malformed, `no "embedding" of input 0`},
		"another member":   {pooling.Embed(), `{"data":[{"index":0,"vector":[1]},{"index":1,"vector":[1]}]}`, harness.Malformed, `no "embedding" of input 0`},
		"unlike vectors":   {pooling.Embed(), `{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}`, harness.Malformed, "input 1 has 2 numbers, and the one before 1"},
		"nested very deep": {pooling.Embed(), strings.Repeat("[", 5000), harness.Malformed, "nests more than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := last(answering(t, c.task, c.body), two())
			var asked *harness.AskError
			require.ErrorAs(t, err, &asked)
			assert.Equal(t, c.failure, asked.Failure, err)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestRead_countsThatAreNone(t *testing.T) {
	for _, usage := range []string{`-1`, `1.5`, `1e30`} {
		chunk, err := last(answering(t, pooling.Score(), `{"data":[{"score":1},{"score":1}],"usage":{"prompt_tokens":`+usage+`}}`), two())
		require.NoError(t, err)
		assert.True(t, chunk.Usage.Invalid, usage)
	}
	chunk, err := last(answering(t, pooling.Score(), `{"data":[{"score":1},{"score":1}]}`), two())
	require.NoError(t, err)
	assert.Nil(t, chunk.Usage, "the server told none")
}

func TestRequest_saysWhatIsAsked(t *testing.T) {
	ids := func(n int) harness.Input { return harness.Input{TokenIDs: []int{n, n + 1}} }
	for name, c := range map[string]struct {
		task       pooling.Task
		prompt     harness.Prompt
		path, body string
	}{
		"texts":     {pooling.Embed(), two(), "/v1/embeddings", `{"model":"tiny","input":["a fox","a hound"],"encoding_format":"float"}`},
		"token ids": {pooling.Embed(), harness.Prompt{Inputs: []harness.Input{ids(1), ids(5)}, CacheSalt: "run"}, "/v1/embeddings", `{"model":"tiny","input":[[1,2],[5,6]],"encoding_format":"float","cache_salt":"run"}`},
		"classes":   {pooling.Classify(), two(), "/classify", `{"model":"tiny","input":["a fox","a hound"]}`},
		"states":    {pooling.Pool(), two(), "/pooling", `{"model":"tiny","input":["a fox","a hound"],"encoding_format":"float"}`},
		"scores":    {pooling.Score(), two(), "/v1/score", `{"model":"tiny","text_1":"fox","text_2":["a fox","a hound"]}`},
		"rankings":  {pooling.Rerank(), two(), "/v1/rerank", `{"model":"tiny","query":"fox","documents":["a fox","a hound"]}`},
		"words":     {pooling.Rerank(), harness.Prompt{TokenIDs: []int{0}, Inputs: []harness.Input{ids(0)}}, "/v1/rerank", `{"model":"tiny","query":"the","documents":["the of"]}`},
		"a further": {pooling.Classify(), harness.Prompt{Model: "adapter", Priority: 3, Inputs: []harness.Input{{Text: "x"}}, Extra: map[string]json.RawMessage{"use_activation": json.RawMessage("false")}}, "/classify",
			`{"model":"adapter","priority":3,"use_activation":false,"input":["x"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			type request struct{ path, body string }
			asked := make(chan request, 1)
			client := serving(t, c.task, func(_ http.ResponseWriter, r *http.Request) {
				raw, _ := io.ReadAll(r.Body)
				asked <- request{r.URL.Path, string(raw)}
			})
			_, err := last(client, client.Prepare(c.prompt))
			require.Error(t, err, "it answers nothing")
			was := <-asked
			assert.Equal(t, c.path, was.path)
			assert.JSONEq(t, c.body, was.body)
		})
	}
}

func TestFailure_quotesTheServer(t *testing.T) {
	c := serving(t, pooling.Embed(), func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"error":{"message":"The model does not support Embeddings API"}}`)
	})
	_, err := last(c, two())
	assert.ErrorContains(t, err, "http 400: The model does not support Embeddings API")
}
