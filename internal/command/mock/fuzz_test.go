package mock

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzFlags holds that a command line of vllm serve is a server that can be built, or an error.
func FuzzFlags(f *testing.F) {
	for _, seed := range []string{"serve llama-3.1-8b --port 8000", "llama-3.1-8b --max_model_len 8K -tp 2 --dtype auto", "--model x --api-key a b c", "--speculative-config {\"num_speculative_tokens\":3}", "--lora-modules a=b {\"name\":\"c\"}",
		"replay x.csv", "score", "calibrate a b", "--fault 'freeze for=1s'", "--max-num-seqs=-1", "--gpu-memory-utilization 0.9 --enable-prefix-caching --no-enable-prefix-caching", "--max-model-len 1e400", "--", "-h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "profile") || strings.Contains(line, "/") {
			return // it would read files
		}
		o, err := parse(strings.Fields(line), io.Discard)
		if err != nil {
			return
		}
		config, err := o.build()
		if err != nil {
			return
		}
		require.Positive(t, config.Profile.Blocks)
		require.Positive(t, config.Profile.MaxSeqs)
	})
}
