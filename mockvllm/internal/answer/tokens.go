package answer

import "github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"

// TokenMode says of an answer that it is token ids.
const TokenMode = "tokens"

// A TokenChoice is an answer of token ids, or a part of one, field by field in vLLM's order.
type TokenChoice struct {
	Index          int               `json:"index"`
	FinishReason   *string           `json:"finish_reason"`
	StopReason     *string           `json:"stop_reason"`
	TokenIDs       []tokenizer.Token `json:"token_ids"`
	RoutedExperts  any               `json:"routed_experts"`
	SamplingMask   any               `json:"sampling_mask"`
	WeightVersions []WeightVersion   `json:"weight_versions"` // at the end of an answer
	Logprobs       any               `json:"logprobs"`
}

// A WeightVersion is the version of the weights that computed some of the tokens.
type WeightVersion struct {
	Version string `json:"version"`
	Start   int    `json:"start"`
	End     int    `json:"end"`
}

// A TokenChunk is one event of a stream of token ids.
type TokenChunk struct {
	RequestID  string        `json:"request_id"`
	Usage      any           `json:"usage"`
	OutputMode string        `json:"output_mode"`
	Choices    []TokenChoice `json:"choices"`
}

// A TokenAnswer is answers of token ids in one piece.
type TokenAnswer struct {
	RequestID             string        `json:"request_id"`
	Model                 string        `json:"model"`
	Created               int64         `json:"created"`
	Usage                 any           `json:"usage"`
	PromptLogprobs        any           `json:"prompt_logprobs"`
	PromptTokenIDLogprobs any           `json:"prompt_token_id_logprobs"`
	PromptTokenIDs        any           `json:"prompt_token_ids"`
	Placeholders          any           `json:"mm_placeholders"`
	Metrics               any           `json:"metrics"`
	KVTransfer            any           `json:"kv_transfer_params"`
	ECTransfer            any           `json:"ec_transfer_params"`
	OutputMode            string        `json:"output_mode"`
	Choices               []TokenChoice `json:"choices"`
}
