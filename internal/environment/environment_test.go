package environment_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/environment"
)

func TestRead_allVariables(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "mine"), 0o755))
	env, err := environment.Read(root, []string{
		"VLLM_URL=https://host/vllm/", "VLLM_API_KEY=k", "VLLM_MODEL=m", "VLLM_METRICS_URL=http://host:9090/metrics",
		"VLLMSPEC_FEATURES=mine", "VLLMSPEC_OUT=runs", "VLLMSPEC_UNKNOWN=warn", "VLLMSPEC_DASHBOARD=off", "GODOG_TAGS=@a",
		"VLLM_LOGGING_LEVEL=DEBUG", "HOME=/root",
	})
	require.NoError(t, err, "vLLM's own variables are left alone")
	assert.Equal(t, environment.Environment{Root: root, URLs: []string{"https://host/vllm"}, APIKey: "k", Model: "m", MetricsURLs: []string{"http://host:9090/metrics"},
		Features: []string{filepath.Join(root, "mine")}, Out: filepath.Join(root, "runs"), Lenient: true, Tags: "@a"}, env)

	env, err = environment.Read(root, []string{"VLLM_METRICS_URL=", "VLLM_MODEL=", "VLLMSPEC_OUT="})
	require.NoError(t, err, "an empty variable is an unset one, where it does not say what is measured")
	assert.Empty(t, env.URLs)
	assert.Equal(t, filepath.Join(root, "reports", "out"), env.Out)
}

func TestRead_refusesWhatCannotBeHonoured(t *testing.T) {
	for entry, says := range map[string]string{
		"VLLMSPEC_OTU=x":                     `VLLMSPEC_OTU is no variable of vllmspec; did you mean "VLLMSPEC_OUT"?`,
		"VLLM_URL=localhost:8000":            `VLLM_URL: "localhost:8000" must begin with http://`,
		"VLLM_URL=http://u:s3cret@h/#a":      "VLLM_URL: ",
		"VLLM_METRICS_URL=x":                 "VLLM_METRICS_URL: ",
		"VLLM_METRICS_URL=dns+x:8000":        `VLLM_METRICS_URL: "x:8000" must begin with http://`,
		"VLLMSPEC_TARGET=moc":                `it can be "mock" or "live"`,
		"VLLMSPEC_FEATURES=nowhere":          "there is no file or folder ",
		"VLLMSPEC_OUT=azblob://s3cret":       "VLLMSPEC_OUT: this version cannot ask Azure",
		"VLLMSPEC_OUT=s3//bucket":            "VLLMSPEC_OUT: it is neither a folder nor a bucket; a bucket is written s3://bucket/prefix",
		"VLLMSPEC_OUT=s3:/bucket":            "a bucket is written s3://bucket/prefix",
		"VLLMSPEC_METRICS=x:y:z":             "VLLMSPEC_METRICS: ",
		"VLLMSPEC_UNKNOWN=maybe":             `it can be "fail" or "warn"`,
		"VLLMSPEC_DASHBOARD=70000":           "write an address, 127.0.0.1:7878, a port, 7878, or \"off\"",
		"VLLMSPEC_DASHBOARD=here":            "write an address, 127.0.0.1:7878, a port, 7878, or \"off\"",
		"VLLM_CA_FILE=nowhere.pem":           "VLLM_CA_FILE: ",
		"VLLM_CERT_FILE=a.pem":               "belong together",
		"VLLM_COMMAND=vllm 'serve":           "VLLM_COMMAND: the quote ' is not closed",
		"VLLM_COMMAND=vllm serve | tee x":    "VLLM_COMMAND: '|' means something to a shell",
		"VLLM_COMMAND=vllm --api-key s3cret": "set VLLM_API_KEY instead",
		"VLLM_ARGS=--max-model-len 4096":     "set VLLM_COMMAND or VLLM_IMAGE too",
		"VLLM_URL=http://a,http://a":         "http://a is named twice",
		"VLLM_URL=http://a,b":                `"b" must begin with http://`,
		"VLLM_API_KEY_FILE=nowhere":          "VLLM_API_KEY_FILE: ",
		"VLLM_API_KEY_COMMAND='":             "VLLM_API_KEY_COMMAND: the quote ' is not closed",
		"VLLM_HEADERS=X-Team s3cret":         "VLLM_HEADERS: header 1 has no value",
		"VLLM_HEADERS=Authorization: s3cret": "VLLM_HEADERS: a bearer token is given by VLLM_API_KEY",
		"VLLM_HEADERS=Expect: s3cret":        "VLLM_HEADERS: Expect is set by vllmspec itself",
		"VLLM_HEADERS=Host: https://s3cret":  "VLLM_HEADERS: Host: the value is no host",
		"VLLM_URL_B=b":                       "VLLM_URL_B: ",
		"VLLM_URL_B=http://b":                "set VLLM_URL to that one",
		"DCGM_METRICS_URL=d:9400":            "DCGM_METRICS_URL: ",
		"VLLM_ENGINE_HEADER=X Pod":           `VLLM_ENGINE_HEADER is "X Pod"; write the name of one header`,
		"VLLM_PROMETHEUS_URL=prom:9090":      `VLLM_PROMETHEUS_URL: "prom:9090" must begin with http://`,
		"VLLM_PROMETHEUS_TOKEN=s3cret":       "are for the server at VLLM_PROMETHEUS_URL; set that too",
		"VLLMSPEC_DB=mysql://u:s3cret@h/x":   "VLLMSPEC_DB names no database that is read; write postgres://host:5432/name",
		"VLLMSPEC_SHARD=1/2":                 "VLLMSPEC_SHARD: ",
	} {
		_, err := environment.Read(t.TempDir(), []string{entry})
		require.ErrorContains(t, err, says, entry)
		assert.NotContains(t, err.Error(), "s3cret")
	}
	_, err := environment.Read(t.TempDir(), []string{"VLLM_URL=http://a", "VLLMSPEC_TARGET=mock"})
	assert.ErrorContains(t, err, "VLLM_URL and VLLMSPEC_TARGET name two servers")
	_, err = environment.Read(t.TempDir(), []string{"VLLM_COMMAND=vllm serve", "VLLM_API_KEY_COMMAND=key"})
	assert.ErrorContains(t, err, "one that is started here gets VLLM_API_KEY")
	_, err = environment.Read(t.TempDir(), []string{"VLLM_METRICS_URL=http://a", "VLLM_PROMETHEUS_URL=http://b"})
	assert.ErrorContains(t, err, "two sources of the same metrics; unset one")
	_, err = environment.Read(t.TempDir(), []string{"VLLM_PROMETHEUS_URL=http://b", `VLLM_PROMETHEUS_SELECTOR=job="vllm"`})
	assert.ErrorContains(t, err, "write what a selector of PromQL has in braces")
	_, err = environment.Read(t.TempDir(), []string{"VLLM_API_KEY=a", "VLLM_API_KEY_COMMAND=key"})
	assert.ErrorContains(t, err, "two keys")
	_, err = environment.Read(t.TempDir(), []string{"VLLMSPEC_X=1", "VLLMSPEC_UNKNOWN=x"})
	assert.ErrorContains(t, err, "VLLMSPEC_X")
	assert.ErrorContains(t, err, "VLLMSPEC_UNKNOWN", "everything that is wrong is told at once")
}

func TestSecrets_thoseOfPrometheusAreKnown(t *testing.T) {
	env, err := environment.Read(t.TempDir(), []string{"VLLM_URL=http://gateway", "VLLM_PROMETHEUS_URL=http://user:passw0rd-of-it@prometheus:9090/", "VLLM_PROMETHEUS_TOKEN=s3cret-token", `VLLM_PROMETHEUS_SELECTOR= {job="vllm"} `})
	require.NoError(t, err)
	assert.Equal(t, `{job="vllm"}`, env.Selector)
	assert.Equal(t, "http://user:passw0rd-of-it@prometheus:9090", env.Prometheus.URL)
	shown := env.Secrets().Text("passw0rd-of-it, s3cret-token")
	assert.NotContains(t, shown, "passw0rd")
	assert.NotContains(t, shown, "s3cret")
}
