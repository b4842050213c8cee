package answer

// Usage is how many tokens a request took, without what is null at the end of a stream; elsewhere its details are
// pointers in interfaces, so that vLLM's nulls can be there.
type Usage struct {
	PromptTokens     int            `json:"prompt_tokens"`
	TotalTokens      int            `json:"total_tokens"`
	CompletionTokens int            `json:"completion_tokens"`
	Prompt           *PromptDetails `json:"prompt_tokens_details,omitempty"`
	Completion       any            `json:"completion_tokens_details,omitempty"`
}

// PromptDetails are of which kinds the tokens of a prompt were.
type PromptDetails struct {
	CachedTokens  int  `json:"cached_tokens"`
	CreatedTokens *int `json:"created_cache_tokens,omitempty"` // of a chat: whole blocks that were not there yet
}

// ReasoningDetails are how many tokens of an answer were its reasoning part.
type ReasoningDetails struct {
	ReasoningTokens int `json:"reasoning_tokens"`
}

// Whole is the usage of an answer in one piece, which has nulls.
func (u *Usage) Whole() any {
	type details struct {
		PromptDetails
		CreatedTokens    *int `json:"created_cache_tokens"`
		MultimodalTokens *int `json:"multimodal_tokens"`
	}
	type usage struct {
		Usage
		Prompt     *details `json:"prompt_tokens_details"`
		Completion any      `json:"completion_tokens_details"`
	}
	w := usage{Usage: *u, Completion: u.Completion}
	if u.Prompt != nil {
		w.Prompt = &details{PromptDetails: *u.Prompt, CreatedTokens: u.Prompt.CreatedTokens}
	}
	return w
}
