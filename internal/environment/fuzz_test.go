package environment_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/environment"
)

// FuzzEnvironment holds that whatever the environment says is understood or refused, and that no
// refusal shows a secret or does more than say so.
func FuzzEnvironment(f *testing.F) {
	for _, seed := range []string{"VLLM_URL=http://127.0.0.1:8000\nVLLM_MODEL=x", "VLLM_URL=http://u:p@a:xx", "VLLM_COMMAND=vllm serve x\nVLLM_ARGS=--api_key y", "VLLM_HEADERS=X-A: b\nVLLMSPEC_UNKNOWN=maybe", "VLLM_ULR=x", "VLLM_URL= ", "VLLMSPEC_TARGET=mock\nVLLMSPEC_DASHBOARD=off",
		"VLLMSPEC_FEATURES=a.feature:3,b/**", "VLLM_URL=http://a,http://b\nVLLM_URL_B=http://c\nVLLM_METRICS_URL=http://a/m\nVLLM_METRICS_API_KEY=k", "VLLMSPEC_OUT=s3://k:s@b", "VLLMSPEC_METRICS=9464\nOTEL_EXPORTER_OTLP_ENDPOINT=x\nOTEL_EXPORTER_OTLP_HEADERS=a=b", "DCGM_METRICS_URL=http://a?b", "VLLM_API_KEY_COMMAND='"} {
		f.Add(seed)
	}
	root := f.TempDir()
	const secret = "pl4ntedS3cret"
	f.Fuzz(func(t *testing.T, lines string) {
		if strings.Contains(lines, "/dev") || strings.Contains(lines, "/proc") || strings.Contains(lines, "_FILE") {
			return // files that have no end
		}
		environ := append(strings.Split(lines, "\n"), "VLLM_API_KEY="+secret, "SOME_PASSWORD="+secret+"2")
		env, err := environment.Read(root, environ)
		if err != nil {
			require.NotContains(t, err.Error(), secret)
			require.NotRegexp(t, `(?m)^\s*::|[\x00-\x08\x0b-\x1f\x7f]`, err.Error())
			return
		}
		require.True(t, strings.HasPrefix(env.Out, "/"), env.Out)
		require.Equal(t, secret, env.APIKey)
	})
}
