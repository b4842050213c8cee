package features_test

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/features"
	"github.com/vllmspec/vllmspec/mockvllm"
)

const quick = `Feature: Quick
  @quick
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 16 tokens are answered in 8 tokens
    And requests arrive evenly at 5 per second
    When the load runs for 10 requests
    Then these objectives are met:
      | requests | exactly 10 |
  Scenario: Two
    Given the model "llama-3.1-8b" is being served
    And prompts of 16 tokens are answered in 8 tokens
    And requests arrive evenly at 5 per second
    When the load runs for 10 requests
    Then these objectives are met:
      | requests | exactly 11 |
`

// folder is one with a feature in its folder slo.
func folder(t *testing.T, feature string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "slo"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "slo", "quick.feature"), []byte(feature), 0o644))
	return dir
}

// called runs a command in a folder.
func called(t *testing.T, dir string, args ...string) (code int, out, complaints string) {
	t.Helper()
	var o, e bytes.Buffer
	call := command.Call{Args: args, Dir: dir, Environ: []string{"PATH=" + os.Getenv("PATH"), "CI=true"}, Out: &o, Err: &e,
		Bubble: func(run func()) { synctest.Test(t, func(*testing.T) { run() }) }}
	code = command.Table{features.TestCommand(), features.DemoCommand()}.Run(call)
	return code, o.String(), e.String()
}

func TestTest_exitCodes(t *testing.T) {
	dir := folder(t, quick)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"test --run One", command.OK, "target: the mock, in virtual time (simulated"},
		{"test slo --tags @quick", command.OK, ""},
		{"test slo/quick.feature:3", command.OK, ""},
		{"test slo/*.feature --run ^One$ --out elsewhere", command.OK, ""},
		{"test", command.Failed, "missed: requests was 10"},
		{"test --run Two slo", command.Failed, "missed"},
		{"test --url http://127.0.0.1:1 --run One", command.Failed, "http://127.0.0.1:1"},
		{"test --run Three", command.Wrong, "no scenario was run"},
		{"test --run (", command.Wrong, `--run is "("`},
		{"test --tags @none", command.Wrong, `the tags "@none" select no scenario`},
		{"test slow", command.Wrong, "there is no file or folder " + filepath.Join(dir, "slow")},
		{"test --unknown maybe", command.Wrong, `VLLMSPEC_UNKNOWN is "maybe"`},
		{"test --uri http://127.0.0.1:1", command.Wrong, "there is no flag --uri; did you mean --url?"},
		{"test slo --rate 4", command.Wrong, "--rate belongs to an objective without a file"},
	} {
		code, out, complaints := called(t, dir, strings.Fields(c.args)...)
		assert.Equal(t, c.code, code, "%s: %s%s", c.args, out, complaints)
		assert.Contains(t, out+complaints, c.says, c.args)
	}
	assert.FileExists(t, filepath.Join(dir, "reports", "out", "junit.xml"))
	runs, err := filepath.Glob(filepath.Join(dir, "elsewhere", "run=*", "report.html"))
	require.NoError(t, err)
	assert.Len(t, runs, 1)
	code, _, complaints := called(t, t.TempDir(), "test")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, "begin with vllmspec init")
}

func TestTest_aBrokenFeatureIsBadInput(t *testing.T) {
	dir := folder(t, strings.Replace(quick, "requests arrive evenly", "requests come evenly", 1))
	code, _, complaints := called(t, dir, "test")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, `slo/quick.feature:6: no sentence reads "requests come evenly at 5 per second"`)
	raw, err := os.ReadFile(filepath.Join(dir, "reports", "out", "junit.xml"))
	require.NoError(t, err)
	assert.Contains(t, string(raw), "requests come evenly", "CI systems read it too")
}

func TestTest_objectivesWithoutAFile(t *testing.T) {
	dir := t.TempDir()
	code, out, complaints := called(t, dir, "test", "p95 TTFT at most 300 ms", "error rate none", "--rate", "20", "--input", "64 ± 8", "--output", "8", "--for", "10s", "--keep", "slo/first.feature")
	require.Equal(t, command.OK, code, out+complaints)
	raw, err := os.ReadFile(filepath.Join(dir, "slo", "first.feature"))
	require.NoError(t, err)
	assert.Equal(t, `Feature: A first number
  Scenario: p95 TTFT at most 300 ms
    Given the model "llama-3.1-8b" is being served
    And prompts of 64 ± 8 tokens are answered in 8 tokens
    And the prefix cache is cold
    And requests arrive as a Poisson process at 20 per second
    When the load runs for 10 seconds
    Then these objectives are met:
      | p95 TTFT   | at most 300 ms |
      | error rate | none           |
`, strings.ReplaceAll(string(raw), "none |", "none           |"))
	assert.True(t, strings.HasPrefix(out, string(raw)), "it is shown")
	code, _, complaints = called(t, dir, "test", "p95 TTFT at most 300 ms", "--keep", "slo/first.feature")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, "there is a file slo/first.feature already")

	code, out, _ = called(t, dir, "test", "p50 TTFT at most 1 ms", "--users", "2", "--think", "500ms", "--for", "40 requests")
	assert.Equal(t, command.Failed, code)
	assert.Contains(t, out, "    And 2 users ask with a think time of 500 milliseconds\n    When the load runs for 40 requests\n")
	assert.FileExists(t, filepath.Join(dir, "reports", "out", "quick.feature"))
	for says, objective := range map[string]string{
		`"TTFTT"`:                "p95 TTFTT at most 300 ms",
		"write 'p95 TTFT at":     "it is fast",
		"and not both: slo/x is": "",
	} {
		args := []string{"test", objective}
		if objective == "" {
			args = []string{"test", "slo/x", "p95 TTFT at most 300 ms"}
		}
		code, _, complaints := called(t, dir, args...)
		assert.Equal(t, command.Wrong, code, objective)
		assert.Contains(t, complaints, says)
	}
}

func TestTest_objectivesOfAServer(t *testing.T) {
	mock, err := mockvllm.New(mockvllm.Config{Profile: mockvllm.Profiles()[0], Names: []string{"my-model"}})
	require.NoError(t, err)
	mock.Start()
	defer mock.Close()
	server := httptest.NewServer(mock)
	defer server.Close()
	// What else this machine does may make the client late, and the verdict unknown.
	code, out, complaints := called(t, t.TempDir(), "test", "p95 TTFT at most 60 s", "--url", server.URL, "--rate", "30", "--for", "60 requests", "--input", "32", "--output", "4", "--unknown", "warn")
	assert.Equal(t, command.OK, code, out+complaints)
	assert.Contains(t, out, `Given the model "my-model" is being served`, "as the server calls it")
	code, _, complaints = called(t, t.TempDir(), "test", "p95 TTFT at most 60 s", "--url", "http://127.0.0.1:1")
	assert.Equal(t, command.Failed, code)
	assert.Contains(t, complaints, "127.0.0.1:1")
}

func TestDemo_mistakes(t *testing.T) {
	code, _, complaints := called(t, t.TempDir(), "demo", "now")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, "it takes no arguments")
}
