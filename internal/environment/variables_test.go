package environment

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSlips_areNotVLLMsOwnVariables holds the names of all variables of vLLM's own
// against ours.
func TestSlips_areNotVLLMsOwnVariables(t *testing.T) {
	raw, err := os.ReadFile("testdata/vllm-environment.txt")
	require.NoError(t, err)
	vars := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		if name := strings.TrimSpace(line); !strings.HasPrefix(name, "#") {
			vars[name] = "x"
		}
	}
	require.Greater(t, len(vars), 300)
	require.Contains(t, vars, "VLLM_HOST_IP")
	assert.Empty(t, misspelt(vars))

	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "LLM_URL", "LLM_MODEL", "VLM_MODEL", "LLVM_URL", "LLVM_CONFIG", "DCGM_EXPORTER_LISTEN", "DCGM_EXPORTER_COLLECTORS",
		"HTTP_PROXY", "PATH", "HOME", "MODEL", "URL", "GODEBUG", "GOFLAGS", "GODOG_SEED", "GODOG_TESTED_PACKAGE"} {
		assert.Empty(t, misspelt(map[string]string{name: "x"}), "%s is another program's", name)
	}
	for _, name := range knownVars() {
		assert.Empty(t, misspelt(map[string]string{name: "x"}), "%s is ours", name)
	}
}

func TestSlips_areTakenForWhatWasMeant(t *testing.T) {
	for name, meant := range map[string]string{
		"VLLM_ULR": "VLLM_URL", "VLLM_UR": "VLLM_URL", "VLLM_URLS": "VLLM_URL", "VLLM_URI": "VLLM_URL", "VLLMURL": "VLLM_URL", "VLLM-URL": "VLLM_URL", "VLLM__URL": "VLLM_URL",
		"VLLLM_URL": "VLLM_URL", "VLML_URL": "VLLM_URL", "vllm_url": "VLLM_URL", "Vllm_Url": "VLLM_URL", "VLLMSPEC_URL": "VLLM_URL", "VLLM_SPEC_URL": "VLLM_URL",
		"VLLM_URLB": "VLLM_URL_B", "VLLM_MODLE": "VLLM_MODEL", "VLLM_MODELS": "VLLM_MODEL", "VLLM_COMAND": "VLLM_COMMAND", "VLLM_COMMMANDS": "VLLM_COMMAND",
		"VLLM_IMGAE": "VLLM_IMAGE", "VLLM_METRIC_URL": "VLLM_METRICS_URL", "VLLM_METRIC_URLS": "VLLM_METRICS_URL", "VLLM_METRICS_API_KEYS": "VLLM_METRICS_API_KEY",
		"DCGM_METRIC_URL": "DCGM_METRICS_URL", "DGCM_METRICS_URL": "DCGM_METRICS_URL", "VLLM_APIKEY": "VLLM_API_KEY", "VLLM_HEADER": "VLLM_HEADERS",
		"VLLM_TARGET": "VLLMSPEC_TARGET", "VLLM_OUT": "VLLMSPEC_OUT", "VLLM_FEATURES": "VLLMSPEC_FEATURES", "VLLM_SPEC_TARGET": "VLLMSPEC_TARGET",
		"VLLMSPEC_TARGTE": "VLLMSPEC_TARGET", "VLLMSPEC_MODEL": "VLLM_MODEL", "vllmspec_target": "VLLMSPEC_TARGET", "GODOG_TAG": "GODOG_TAGS",
	} {
		errs := misspelt(map[string]string{name: "http://planted"})
		require.Len(t, errs, 1, name)
		assert.EqualError(t, errs[0], name+` is no variable of vllmspec; did you mean "`+meant+`"?`)
	}
}

func TestSlips_nameOfAnotherProgramWhereNoServerIsNamed(t *testing.T) {
	for _, name := range foreignVars() {
		errs := misspelt(map[string]string{name: "http://a"})
		require.Len(t, errs, 1, name)
		assert.ErrorContains(t, errs[0], `did you mean "VLLM_URL"?`)
		for _, names := range serverVars() {
			if names != "VLLM_URL_B" {
				assert.Empty(t, misspelt(map[string]string{name: "http://a", names: "x"}), "%s beside %s", name, names)
			}
		}
	}
}
