package pooling

import (
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// A Task is what is done with inputs: where it is asked for, what a request says, and where in an
// answer the results are.
type Task struct {
	Paths []string // under which servers have it; the first is asked
	Asks  string   // what is asked for, for a reader: "embeddings"

	list     string // the member of an answer that holds the results
	result   string // the member of a result that holds its numbers
	ofTokens bool   // there may be numbers of each token of an input
	put      func(p harness.Prompt, members map[string]any)
}

// Embed asks for the vector of each input.
func Embed() Task {
	return Task{Paths: []string{"/v1/embeddings"}, Asks: "embeddings", list: "data", result: "embedding",
		put: func(p harness.Prompt, members map[string]any) {
			members["input"], members["encoding_format"] = inputs(p.Inputs), "float"
		}}
}

// Classify asks for the class of each input.
func Classify() Task {
	return Task{Paths: []string{"/classify"}, Asks: "classes", list: "data", result: "probs",
		put: func(p harness.Prompt, members map[string]any) { members["input"] = inputs(p.Inputs) }}
}

// Pool asks for the states of the model that are pooled of each input.
func Pool() Task {
	return Task{Paths: []string{"/pooling"}, Asks: "pooled states", list: "data", result: "data", ofTokens: true,
		put: func(p harness.Prompt, members map[string]any) {
			members["input"], members["encoding_format"] = inputs(p.Inputs), "float"
		}}
}

// against asks about a text and others, which servers take as texts only.
func against(one, others string) func(harness.Prompt, map[string]any) {
	words := openai.Words()
	return func(p harness.Prompt, members map[string]any) {
		texts := make([]string, len(p.Inputs))
		for i, input := range p.Inputs {
			texts[i] = said(words, input)
		}
		members[one], members[others] = said(words, harness.Input{Text: p.Text, TokenIDs: p.TokenIDs}), texts
	}
}

// said is an input as text: of token ids as many words, which they choose. Most vocabularies have each as one token.
func said(words []string, of harness.Input) string {
	if of.TokenIDs == nil {
		return of.Text
	}
	var text strings.Builder
	for i, id := range of.TokenIDs {
		if i > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(words[id%len(words)])
	}
	return text.String()
}

// Score asks how well each input goes with the text of the prompt.
func Score() Task {
	return Task{Paths: []string{"/v1/score", "/score"}, Asks: "scores", list: "data", result: "score", put: against("text_1", "text_2")}
}

// Rerank asks how relevant each input is to the text of the prompt.
func Rerank() Task {
	return Task{Paths: []string{"/v1/rerank", "/rerank", "/v2/rerank"}, Asks: "rankings", list: "results", result: "relevance_score", put: against("query", "documents")}
}

// inputs are texts, or lists of token ids.
func inputs(all []harness.Input) any {
	texts, ids := make([]string, len(all)), make([][]int, len(all))
	for i, input := range all {
		texts[i], ids[i] = input.Text, input.TokenIDs
	}
	if len(all) > 0 && ids[0] != nil {
		return ids
	}
	return texts
}
