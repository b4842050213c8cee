package suite_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/store"
)

const watchedLive = `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 64 tokens are answered in 8 tokens
    And requests arrive evenly at 10 per second
    When the load runs for 8 seconds
    Then these objectives are met:
`

// TestWatching_serverOnThisMachine has a server that is a process of this machine,
// and an exporter that tells of a GPU that draws 80 W.
func TestWatching_serverOnThisMachine(t *testing.T) {
	began := time.Now()
	var credentials []string
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		credentials = append(credentials, r.Header.Get("Authorization")+r.Header.Get("X-Team"))
		fmt.Fprintf(w, "# TYPE DCGM_FI_DEV_POWER_USAGE gauge\nDCGM_FI_DEV_POWER_USAGE{gpu=\"0\",modelName=\"Test GPU\"} 80\n"+
			"# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter\nDCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu=\"0\"} %.0f\n", 80_000*time.Since(began).Seconds())
	}))
	defer exporter.Close()
	r := feature(t, watchedLive+`      | mean server CPU          | at most 64 cores |
      | max server memory        | at least 1 MB    |
      | mean host CPU            | at most 100%     |
      | mean client CPU          | at most 64 cores |
      | mean context switches    | at least 1 per second |
      | mean GPU power           | at least 80 W    |
      | GPU energy               | between 500 J and 900 J |
      | energy per output token  | between 0.5 J and 5 J |
      | mean queue time          | at most 10 s     |
`, "VLLM_COMMAND="+mockProgram(t)+" serve llama-3.1-8b", "DCGM_METRICS_URL="+exporter.URL+"/metrics", "VLLM_API_KEY=planted-key", "VLLM_HEADERS=X-Team: planted",
		"VLLMSPEC_UNKNOWN=warn", "HF_HOME="+t.TempDir(), "PATH="+os.Getenv("PATH"))
	require.True(t, r.passed, r.output)
	require.Len(t, r.runs, 1)
	manifest, verdicts, err := store.ReadManifest(r.runs[0])
	require.NoError(t, err)
	assert.Empty(t, manifest.Unwatched)
	assert.Equal(t, "1 × Test GPU", manifest.Scenario.Labels["gpu"], "another GPU is another baseline")
	for _, w := range manifest.Warnings {
		assert.NotContains(t, w.Text, "not watched")
	}
	assert.NotContains(t, string(verdicts), `"value": null`, "everything was read")
	require.NotEmpty(t, credentials)
	assert.Empty(t, strings.Join(credentials, ""), "what lets us in to the server is none of the exporter's business")
}

func TestWatching_rowSaysWhatWouldReadAGPU(t *testing.T) {
	t.Parallel()
	text := strings.Replace(watchedLive, "8 seconds", "1 second", 1) + "      | mean GPU power | at most 1 W |\n"
	r := feature(t, text, "VLLMSPEC_TARGET=mock")
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "no GPU could be read: the mock has none")
	require.Len(t, r.runs, 1)
	stored, err := store.Open(r.runs[0])
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"gpu": "no GPU could be read: the mock has none"}, stored.Run.Unwatched)
}

func TestWatching_featureThatNeedsAGPUIsLeftOut(t *testing.T) {
	for variable, says := range map[string]string{"": "it needs a real server", "VLLMSPEC_TARGET=mock": "it needs a real server",
		"VLLM_URL=http://192.0.2.7:8000": "the server is on another machine; set DCGM_METRICS_URL"} {
		_, err := try(t, "@gpu @live\n"+watchedLive+"      | mean GPU power | at most 1 W |\n", variable)
		assert.ErrorContains(t, err, "features/x.feature is left out: ")
		assert.ErrorContains(t, err, says)
	}
}
