package modelname

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSame_namesOfOneModel(t *testing.T) {
	for _, pair := range [][2]string{
		{"llama-3.1-8b", "llama-3.1-8b"},
		{"llama-3.1-8b", "meta-llama/Llama-3.1-8B-Instruct"},
		{"llama-3.1-8b", "meta-llama/Meta-Llama-3.1-8B-Instruct"},
		{"llama-3.1-8b", "llama3.1:8b"},
		{"llama-3.1-8b", "llama-3-1-8b-instruct"},
		{"llama3.1-8b", "unsloth/Llama-3.1-8B-Instruct-bf16"},
		{"llama-3.1-8b", "/models/Llama-3.1-8B-Instruct/"},
		{"meta-llama/Llama-3.1-8B-Instruct", "Llama-3.1-8B-Instruct"},
		{"meta-llama/Llama-3.1-8B-Instruct", "/data/hub/Llama-3.1-8B-Instruct"},
		{"llama-3.1-70b-fp8", "RedHatAI/Meta-Llama-3.1-70B-Instruct-FP8-dynamic"},
		{"mistral-7b", "mistralai/Mistral-7B-Instruct-v0.3"},
		{"mixtral-8x7b", "mistralai/Mixtral-8x7B-Instruct-v0.1"},
		{"gemma-3-27b", "google/gemma-3-27b-it"},
		{"gpt-oss-20b", "openai/gpt-oss-20b"},
		{"qwen3-30b-a3b", "Qwen/Qwen3-30B-A3B-Instruct-2507"},
		{"deepseek-v3", "deepseek-ai/DeepSeek-V3-0324"},
		{"Tiny", "tiny"},
	} {
		assert.True(t, Same(pair[0], pair[1]), "%q is %q", pair[0], pair[1])
	}
}

func TestSame_notNamesOfOtherModels(t *testing.T) {
	for _, pair := range [][2]string{
		{"llama-3.1-8b", "meta-llama/Llama-3.1-80B-Instruct"},
		{"llama-3.1-8b", "meta-llama/Llama-3.1-70B-Instruct"},
		{"llama-3.1-8b", "meta-llama/Llama-3.2-11B-Vision-Instruct"},
		{"llama-3-8b", "meta-llama/Llama-3.1-8B-Instruct"},
		{"llama-3-1b", "llama-3.1-8b"},
		{"llama-3.1-8b", "RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8"},
		{"llama-3.1-8b", "hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4"},
		{"llama-3.1-8b", "deepseek-ai/DeepSeek-R1-Distill-Llama-8B"},
		{"llama-3.1-8b", "llama-3.1-8b-sql-adapter"},
		{"qwen3-8b", "Qwen/Qwen3-8B-VL"},
		{"qwen3-8b", "Qwen/Qwen3-VL-8B-Instruct"},
		{"qwen2-7b", "Qwen/Qwen2.5-7B"},
		{"qwen2", "Qwen/Qwen2.5-7B"},
		{"llama", "meta-llama/Llama-3.1-8B-Instruct"},
		{"deepseek-r1", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"},
		{"deepseek-v3", "deepseek-ai/DeepSeek-V3.1"},
		{"phi-4", "microsoft/phi-4-mini-instruct"},
		{"gpt-5", "gpt-oss-20b"},
		{"meta-llama/Llama-3.1-8B", "unsloth/Llama-3.1-8B"},
		{"meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B"},
		{"", "llama-3.1-8b"}, {"llama-3.1-8b", ""}, {"", ""}, {"-", "llama-3.1-8b"},
	} {
		assert.False(t, Same(pair[0], pair[1]), "%q is not %q", pair[0], pair[1])
	}
}
