package mock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/store"
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

func TestFlags_ofVLLMAreUnderstood(t *testing.T) {
	c, err := configOf(t, "serve", "meta-llama/Llama-3.1-8B-Instruct", "--tensor-parallel-size", "1", "--max-model-len=8192", "--max-num-seqs", "32",
		"--enforce-eager", "--gpu-memory-utilization", "0.9", "--api-key", "k", "--max-num-batched-tokens", "4096", "--port", "0")
	require.NoError(t, err)
	assert.Equal(t, []string{"meta-llama/Llama-3.1-8B-Instruct"}, c.Names)
	assert.Equal(t, "llama-3.1-8b", c.Profile.Name)
	assert.Equal(t, []int{8192, 32, 4096}, []int{c.Profile.MaxModelLen, c.Profile.MaxSeqs, c.Profile.MaxBatchedTokens})
	assert.Equal(t, []string{"k"}, c.APIKeys)
}

func TestFlags_faults(t *testing.T) {
	c, err := configOf(t, "--fault", "freeze for=10s from=1m", "--fault=status status=503 share=5%")
	require.NoError(t, err)
	assert.Equal(t, []mockvllm.Fault{{Kind: mockvllm.Freeze, For: 10 * time.Second, From: time.Minute}, {Kind: mockvllm.Fail, Status: 503, Share: .05}}, c.Faults)
}

func TestFlags_inVLLMsWayOfWriting(t *testing.T) {
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

func TestFlags_profileForAnyModel(t *testing.T) {
	c, err := configOf(t, "mistralai/Mistral-7B-Instruct-v0.3", "--profile", "llama-3.1-8b")
	require.NoError(t, err)
	assert.Equal(t, []string{"mistralai/Mistral-7B-Instruct-v0.3"}, c.Names)
	file := filepath.Join(t.TempDir(), "mine.json")
	raw, err := json.Marshal(c.Profile)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	again, err := configOf(t, "--profile", file)
	require.NoError(t, err)
	assert.Equal(t, c.Profile, again.Profile)
}

func TestReplay_ofATrace(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace.jsonl")
	require.NoError(t, os.WriteFile(trace, []byte(`{"timestamp": 0, "input_length": 512, "output_length": 3, "hash_ids": [1]}
{"timestamp": 3600000, "input_length": 512, "output_length": 3, "hash_ids": [1]}
`), 0o600))
	var out bytes.Buffer
	require.NoError(t, run([]string{"replay", trace, "--max-num-seqs", "4", "--truth-log", trace + ".truth"}, &out))
	assert.Contains(t, out.String(), "2 requests in 1h0m0")
	assert.Contains(t, out.String(), "48.4 % of prompt tokens from the cache", "496 of 1,024: the last block is computed again")
	truth, err := os.ReadFile(trace + ".truth")
	require.NoError(t, err)
	assert.Equal(t, 2, bytes.Count(truth, []byte("\n")))
}

func TestFit_toStoredRuns(t *testing.T) {
	profile, err := mockvllm.ProfileFor("llama-3.1-8b", "one A100")
	require.NoError(t, err)
	quiet, busy := storedRun(t, profile, 30, 100, 1), storedRun(t, profile, 120, 2000, 4)
	written := filepath.Join(t.TempDir(), "fitted.json")
	var out bytes.Buffer
	require.NoError(t, run([]string{"calibrate", quiet, busy, "--gpu", "one A100", "--write", written}, &out))
	assert.Regexp(t, `mean error: TTFT [01]\.\d %, TPOT [01]\.\d %`, out.String())
	fitted, err := mockvllm.ReadProfile(written)
	require.NoError(t, err)
	assert.Contains(t, fitted.Source, "fitted by vllmspec mock calibrate to 2 runs")

	err = run([]string{"calibrate", quiet, quiet + "/../" + filepath.Base(quiet), "--gpu", "one A100"}, io.Discard)
	assert.ErrorContains(t, err, "only", "one length, one concurrency")
	assert.ErrorContains(t, run([]string{"calibrate", t.TempDir()}, io.Discard), "is no stored run")
}

func TestScore_againstStoredRuns(t *testing.T) {
	profile, err := mockvllm.ProfileFor("llama-3.1-8b", "one A100")
	require.NoError(t, err)
	run1 := storedRun(t, profile, 30, 100, 1) // a fit would refuse this one alone
	var same, other bytes.Buffer
	require.NoError(t, run([]string{"score", "--gpu", "one A100", run1}, &same))
	assert.Contains(t, same.String(), "llama-3.1-8b on one A100\n")
	assert.Contains(t, same.String(), "mean error: TTFT 0.0 %, TPOT 0.0 %\n")
	require.NoError(t, run([]string{"score", run1, "--gpu", "one L40S"}, &other))
	assert.Regexp(t, `mean error: TTFT \d\d.* %, TPOT 9\d\.\d %`, other.String())
	assert.ErrorContains(t, run([]string{"score"}, io.Discard), "score takes the folders of runs")
}

// storedRun is the folder of a run of a server with this profile: n requests with
// prompts of a length, perSecond of them.
func storedRun(t *testing.T, p mockvllm.Profile, n, prompt, perSecond int) string {
	t.Helper()
	folder, err := store.Create(t.TempDir(), store.Name(time.Now(), fmt.Sprint(prompt)))
	require.NoError(t, err)
	sink := folder.Archive("a scenario")
	var trace iter.Seq2[mockvllm.Arrival, error] = func(yield func(mockvllm.Arrival, error) bool) {
		for i := range n {
			if !yield(mockvllm.Arrival{At: time.Second * time.Duration(i) / time.Duration(perSecond), Prompt: prompt, Output: 40}, nil) {
				return
			}
		}
	}
	require.NoError(t, mockvllm.Replay(mockvllm.Config{Profile: p}, trace, func(tr mockvllm.Truth) {
		since := func(at time.Time) time.Duration { return at.Sub(time.Unix(0, 0)) }
		r := harness.NewRecord(tr.Index, since(tr.Received))
		r.Sent, r.Headers, r.Done, r.Finish = r.Due, r.Due, since(tr.Ended), "length"
		r.PromptTokens, r.OutputTokens = tr.PromptTokens, len(tr.Tokens)
		for _, at := range tr.Tokens {
			r.Chunks = append(r.Chunks, since(at))
		}
		require.NoError(t, sink.Record(r))
	}))
	require.NoError(t, sink.Close())
	run := &harness.Run{Records: func(func(harness.Record) bool) {}, Samples: func(func(harness.Sample) bool) {}}
	require.NoError(t, folder.WriteJSON("run.json", store.NewManifest(folder.Run(), run)))
	require.NoError(t, folder.WriteJSON("verdicts.json", []string{}))
	path, err := folder.Publish()
	require.NoError(t, err)
	return path
}

func TestFlags_whatCannotBeServedSaysSo(t *testing.T) {
	for says, args := range map[string][]string{
		`did you mean "llama-3.1-8b"`:  {"lama-3.1-8b"},
		"no profile of llama-3.1-8b":   {"--gpu", "one B200"},
		"cannot be negative":           {"--block-size", "-1"},
		"write a number of tokens":     {"--max-num-seqs", "-2"},
		"needs for=":                   {"--fault", "freeze"},
		`did you mean "stall"`:         {"--fault", "stal"},
		"fcfs and priority":            {"--scheduling-policy", "lifo"},
		"needs --enable-lora":          {"--lora-modules", "a=b"},
		"write name=path":              {"--enable-lora", "--lora-modules", "a"},
		"num_speculative_tokens":       {"--speculative-config", "{}"},
		"no such file":                 {"--profile", "/nowhere"},
		"did you mean --max-num-seqs?": {"--max-num-seq", "3"},
		"the model stands first":       {"--port", "0", "llama-3.1-8b"},
	} {
		_, err := configOf(t, args...)
		assert.ErrorContains(t, err, says)
	}
}

func TestGuide_isTrue(t *testing.T) {
	raw, err := os.ReadFile("../../../docs/mock.md")
	require.NoError(t, err)
	guide := string(raw)
	for _, f := range mockvllm.Failings() {
		assert.Contains(t, guide, fmt.Sprintf("| `%s` | %s |\n", f.Kind, f.About))
	}
	for _, quoted := range regexp.MustCompile(`fault "([^"]+)"|--data-binary '([^']+)'`).FindAllStringSubmatch(guide, -1) {
		_, err := mockvllm.ParseFault(quoted[1] + quoted[2])
		assert.NoError(t, err)
	}
	assert.Contains(t, guide, fmt.Sprintf("# %d ways to go wrong", len(mockvllm.Failings())))
}
