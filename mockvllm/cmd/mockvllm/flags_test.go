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
	return o.config()
}

func TestTheCommandLineOfVLLMIsUnderstood(t *testing.T) {
	c, err := configOf(t, "serve", "meta-llama/Llama-3.1-8B-Instruct", "--tensor-parallel-size", "1", "--max-model-len=8192", "--max-num-seqs", "32",
		"--enforce-eager", "--gpu-memory-utilization", "0.9", "--api-key", "k", "--max-num-batched-tokens", "4096", "--port", "0")
	require.NoError(t, err)
	assert.Equal(t, "meta-llama/Llama-3.1-8B-Instruct", c.ServedName)
	assert.Equal(t, "llama-3.1-8b", c.Profile.Name)
	assert.Equal(t, []int{8192, 32, 4096}, []int{c.Profile.MaxModelLen, c.Profile.MaxSeqs, c.Profile.MaxBatchedTokens})
	assert.Equal(t, "k", c.APIKey)
}

func TestFaultsAreFlags(t *testing.T) {
	c, err := configOf(t, "--freeze", "10s@1m", "--refuse", "0.1", "--cut", "0.2", "--break", "0.3", "--fail", "0.4", "--fail-status", "503")
	require.NoError(t, err)
	assert.Equal(t, []mockvllm.Fault{mockvllm.Freeze{For: 10 * time.Second, After: time.Minute}, mockvllm.Refuse{Share: .1}, mockvllm.CutShort{Share: .2},
		mockvllm.ErrorInStream{Share: .3}, mockvllm.Fail{Share: .4, Status: 503}}, c.Faults)
}

func TestWhatCannotBeServedSaysSo(t *testing.T) {
	for says, args := range map[string][]string{
		`did you mean "llama-3.1-8b"`: {"lama-3.1-8b"},
		"no profile of llama-3.1-8b":  {"--gpu", "one B200"},
		"blocks hold 16 tokens":       {"--block-size", "32"},
		"cannot be negative":          {"--max-num-seqs", "-1"},
		"write 10s@1m":                {"--freeze", "10s"},
		"not defined: -max-num-seq":   {"--max-num-seq", "3"},
		"the model stands first":      {"--port", "0", "llama-3.1-8b"},
	} {
		_, err := configOf(t, args...)
		assert.ErrorContains(t, err, says)
	}
}
