package steps

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMedia_whatCannotBeSentIsRefusedBeforeAnythingRuns(t *testing.T) {
	t.Parallel()
	const served, lengths = `the model "llama-3.1-8b" is being served`, "prompts of 64 tokens are answered in 8 tokens"
	const talks, bound = `conversations are drawn from "sharegpt"`, "answers are at most 8 tokens long"
	const images, video, clip = "each prompt has 2 images of 1024x768", "each prompt has a video of 2 seconds at 64x64", "each prompt has a clip of 2 seconds"
	rest := []string{"requests arrive as a Poisson process at 1 per second", "the load runs for 2 minutes", "these objectives are met:", "| p95 TTFT | at most 300 ms |"}
	for _, c := range []struct {
		says string // "": it is a plan
		said []string
	}{
		{"", []string{lengths, images}},
		{"", []string{lengths, images, `it is asked over "chat"`, video, clip}},
		{"", []string{lengths, images, `it is asked over "responses"`}},
		{"", []string{talks, bound, images, `it is asked over "messages"`}},
		{"", []string{lengths, images, "the prefix cache is cold"}},
		{`images cannot be sent over "generate", which takes token ids`, []string{lengths, `it is asked over "generate"`, images}},
		{`images cannot be sent over "generate", which takes token ids`, []string{lengths, images, `it is asked over "generate"`}},
		{`videos cannot be sent over "responses", which takes text and images`, []string{lengths, images, video, `it is asked over "responses"`}},
		{`clips cannot be sent over "messages", which takes text and images`, []string{talks, bound, clip, `it is asked over "messages"`}},
		{"is counted in tokens of text", []string{lengths, images, "50% of prompt tokens are found in the prefix cache"}},
		{"is counted in tokens of text", []string{lengths, images, "the prefix cache is warm"}},
		{"it has between 1 and 64", []string{lengths, "each prompt has 100000 images of 64x64"}},
		{"between 1 and 10000 different ones", []string{lengths, "each prompt has 1 of 10000000000 images of 64x64"}},
		{"it has 128 MiB at most", []string{lengths, "each prompt has a video of 10 minutes at 8192x8192"}},
		{"it has 128 MiB at most", []string{lengths, "each prompt has a clip of 1 hour", "each prompt has a clip of 1 hour"}},
		{"one has 1h0m0s at most", []string{"clips of 10000000000 seconds are transcribed"}},
		{"write it beside the mix", []string{"the traffic is a mix of:", `| a | 100% | ` + lengths + `; it is asked over "chat" |`}},
		{"write it beside the mix", []string{"the traffic is a mix of:", `| a | 100% | ` + lengths + `; answers come in one piece |`}},
	} {
		plan, err := planned(t, append(append([]string{served}, c.said...), rest...)...)
		if c.says == "" {
			require.NoError(t, err, c.said)
			assert.NotNil(t, plan.Scenario.Dataset, c.said)
			continue
		}
		assert.ErrorContains(t, err, c.says, c.said)
		assert.ErrorContains(t, err, "x.feature", "it says where")
	}
}
