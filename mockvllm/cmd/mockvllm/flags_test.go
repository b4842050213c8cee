package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

func configOf(t *testing.T, args ...string) (mockvllm.Config, error) {
	t.Helper()
	var out bytes.Buffer
	o, err := parse(args, &out)
	if err != nil {
		return mockvllm.Config{}, err
	}
	return o.build()
}

func TestTheCommandLineOfVLLMIsUnderstood(t *testing.T) {
	c, err := configOf(t, "serve", "meta-llama/Llama-3.1-8B-Instruct", "--tensor-parallel-size", "1", "--max-model-len=8192", "--max-num-seqs", "32",
		"--enforce-eager", "--gpu-memory-utilization", "0.9", "--api-key", "k", "--max-num-batched-tokens", "4096", "--port", "0")
	require.NoError(t, err)
	assert.Equal(t, []string{"meta-llama/Llama-3.1-8B-Instruct"}, c.Names)
	assert.Equal(t, "llama-3.1-8b", c.Profile.Name)
	assert.Equal(t, []int{8192, 32, 4096}, []int{c.Profile.MaxModelLen, c.Profile.MaxSeqs, c.Profile.MaxBatchedTokens})
	assert.Equal(t, []string{"k"}, c.APIKeys)
}

func TestFaultsAreFlags(t *testing.T) {
	c, err := configOf(t, "--fault", "freeze for=10s from=1m", "--fault=status status=503 share=5%")
	require.NoError(t, err)
	assert.Equal(t, []mockvllm.Fault{{Kind: mockvllm.Freeze, For: 10 * time.Second, From: time.Minute}, {Kind: mockvllm.Fail, Status: 503, Share: .05}}, c.Faults)
}

func TestVLLMsWayOfWritingFlagsIsUnderstood(t *testing.T) {
	c, err := configOf(t, "llama-3.1-8b", "--served-model-name", "chat", "chat-v2", "-tp", "2", "--max_model_len", "8K", "--no-enable-prefix-caching",
		"--enable-lora", "--lora-modules", "sql=/adapters/sql", `{"name":"law","path":"/adapters/law"}`, "--max-loras", "2", "--scheduling-policy=priority",
		"--speculative-config", `{"method":"ngram","num_speculative_tokens":3}`, "--acceptance", "0.5", "--reasoning-parser", "qwen3", "--block-size", "32",
		"--api-key", "a", "b")
	require.NoError(t, err)
	assert.Equal(t, []string{"chat", "chat-v2"}, c.Names)
	assert.Equal(t, 8192, c.Profile.MaxModelLen)
	assert.True(t, c.NoPrefixCache)
	assert.Equal(t, []mockvllm.Adapter{{Name: "sql", Path: "/adapters/sql"}, {Name: "law", Path: "/adapters/law"}}, c.Adapters)
	assert.Equal(t, 2, c.MaxAdapters)
	assert.True(t, c.Priority)
	assert.Equal(t, mockvllm.Draft{Tokens: 3, Acceptance: .5}, c.Draft)
	assert.True(t, c.Reasoning)
	assert.Equal(t, []int{32, 467_280 / 32}, []int{c.Profile.BlockSize, c.Profile.Blocks}, "the cache is as large as before")
	assert.Equal(t, []string{"a", "b"}, c.APIKeys)
}

func TestWhatCannotBeServedSaysSo(t *testing.T) {
	for says, args := range map[string][]string{
		`did you mean "llama-3.1-8b"`: {"lama-3.1-8b"},
		"no profile of llama-3.1-8b":  {"--gpu", "one B200"},
		"cannot be negative":          {"--block-size", "-1"},
		"write a number of tokens":    {"--max-num-seqs", "-1"},
		"needs for=":                  {"--fault", "freeze"},
		`did you mean "stall"`:        {"--fault", "stal"},
		"fcfs and priority":           {"--scheduling-policy", "lifo"},
		"needs --enable-lora":         {"--lora-modules", "a=b"},
		"write name=path":             {"--enable-lora", "--lora-modules", "a"},
		"num_speculative_tokens":      {"--speculative-config", "{}"},
		"no such file":                {"--profile", "/nowhere"},
		"not defined: -max-num-seq":   {"--max-num-seq", "3"},
		"the model stands first":      {"--port", "0", "llama-3.1-8b"},
	} {
		_, err := configOf(t, args...)
		assert.ErrorContains(t, err, says)
	}
}
