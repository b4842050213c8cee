package dataset_test

import (
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/dataset/trace"
)

// riddles is a dataset of another package.
type riddles struct{}

func (riddles) Conversations(*rand.Rand) (iter.Seq[harness.Conversation], error) { return nil, nil }
func (riddles) String() string                                                   { return "riddles" }

func TestDescribe_saysWhatADatasetIs(t *testing.T) {
	exact := dataset.Synthetic{Prompt: dataset.Length{Mean: 512, Deviation: 64, LogNormal: true}, Answer: dataset.Length{Mean: 150, From: 100, To: 200}, Groups: 4, Prefix: 128}
	const saysExact = `{"kind": "synthetic", "prompt_tokens": {"mean": 512, "deviation": 64, "log_normal": true}, "answer_tokens": {"mean": 150, "from": 100, "to": 200}, "groups": 4, "prefix_tokens": 128}`
	for want, d := range map[string]harness.Dataset{
		saysExact: exact,
		`{"kind": "prompts", "path": "a.jsonl", "max_tokens": 9, "full_length": true}`:     &dataset.File{Path: "a.jsonl", MaxTokens: 9, IgnoreEOS: true},
		`{"kind": "sharegpt", "path": "b.json", "turns": 3, "recorded": true}`:             &dataset.File{Path: "b.json", Turns: 3, Recorded: true},
		`{"kind": "trace", "name": "azure", "requests": 2}`:                                trace.Trace{Name: "azure", Requests: make([]trace.Request, 2)},
		`{"kind": "cached", "found_share": 0, "of": {"kind": "other", "says": "riddles"}}`: &dataset.Cached{Dataset: riddles{}},
		`{"kind": "adapters", "adapters": [{"name": "sql", "share": 0.25}], "of": ` + saysExact + `}`: dataset.Adapters{Dataset: exact,
			Shares: []dataset.AdapterShare{{Name: "sql", Share: .25}}},
		`{"kind": "mix", "classes": [{"name": "chat", "share": 1, "model": "m", "priority": 2, "think": {"mean_ns": 2000000000, "shape": "exponential"}, "of": {"kind": "other", "says": "riddles"}}]}`: dataset.Mix{
			{Name: "chat", Share: 1, Dataset: riddles{}, Model: "m", Priority: 2, Think: harness.Think{Mean: 2 * time.Second, Shape: harness.Exponential}}},
	} {
		raw, err := dataset.Describe(d)
		require.NoError(t, err)
		assert.JSONEq(t, want, string(raw))
	}
}
