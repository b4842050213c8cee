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
	code = command.Table{features.TestCommand(), features.CheckCommand(), features.DemoCommand()}.Run(call)
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
		{"test slo --url=", command.Wrong, "--url is given and empty"},
		{"test slo --tags=", command.Wrong, "--tags is given and empty"},
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

func TestTest_featuresThatTeach(t *testing.T) {
	dir := t.TempDir()
	code, out, complaints := called(t, dir, "test", "features/completions.feature")
	require.Equal(t, command.OK, code, out+complaints)
	assert.Contains(t, out, "features/completions.feature: not in this folder, so that what comes with vllmspec is run.")
	assert.Contains(t, out, "# features/completions.feature:", "by the name that was typed")
	assert.FileExists(t, filepath.Join(dir, "reports", "out", "junit.xml"))
	assert.NoDirExists(t, filepath.Join(dir, "features"))
	code, out, _ = called(t, dir, "test", "features", "--run", "users.feature", "--tags", "@none", "--out", "elsewhere")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, out, "features: not in this folder")
	assert.FileExists(t, filepath.Join(dir, "elsewhere", "junit.xml"))

	dir = folder(t, quick)
	for args, says := range map[string]string{
		"test features/user.feature":                    `none of this name comes with vllmspec; did you mean "users"?`,
		"test slo/quick.feature features/users.feature": "runs without yours: vllmspec test features/users.feature",
		"test slo/users.feature":                        "there is no file or folder",
	} {
		code, _, complaints := called(t, dir, strings.Fields(args)...)
		assert.Equal(t, command.Wrong, code, args)
		assert.Contains(t, complaints, says, args)
	}
	require.NoError(t, os.Rename(filepath.Join(dir, "slo"), filepath.Join(dir, "features")))
	code, out, _ = called(t, dir, "test", "features", "--run", "One")
	assert.Equal(t, command.OK, code)
	assert.NotContains(t, out, "comes with vllmspec", "one's own come first")
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
`, string(raw))
	assert.True(t, strings.HasPrefix(out, string(raw)), "it is shown")
	code, _, complaints = called(t, dir, "test", "p95 TTFT at most 300 ms", "--keep", "slo/first.feature")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, "there is a file slo/first.feature already")

	code, _, complaints = called(t, dir, "test", "p95 TTFT at most 300 ms", "--rate", "fast", "--keep", "slo/second.feature")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, `"fast"`)
	assert.NoFileExists(t, filepath.Join(dir, "slo", "second.feature"), "a feature that cannot run is not kept")

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

// checkedFeature is what check says of a feature.
func checkedFeature(t *testing.T, feature string, args ...string) (code int, out, complaints string) {
	t.Helper()
	dir := folder(t, feature)
	code, out, complaints = called(t, dir, append([]string{"check"}, args...)...)
	assert.NoDirExists(t, filepath.Join(dir, "reports"), "nothing is written")
	return code, out, complaints
}

func TestCheck_saysWhatAScenarioWillDo(t *testing.T) {
	code, out, _ := checkedFeature(t, quick)
	assert.Equal(t, command.OK, code)
	assert.Contains(t, out, "slo/quick.feature:3 One\n  2 seconds of load, simulated in seconds, some 10 requests are judged\n  prompts of 16 tokens and answers of 8 tokens fit into 131,072\n")
	assert.Contains(t, out, "\n2 scenarios can run.\n")

	long := strings.NewReplacer("10 requests\n", "20 minutes\n", "| requests | exactly 10 |", "| p99.9 TTFT | at most 1 s |").Replace(quick)
	code, out, _ = checkedFeature(t, long, "--run", "One")
	assert.Equal(t, command.OK, code)
	assert.Contains(t, out, "20 minutes of load, simulated in seconds, some 6,000 requests are judged")
	assert.NotContains(t, out, "warning")
	code, out, _ = checkedFeature(t, strings.Replace(long, "20 minutes", "1 minute", 1), "--run", "One")
	assert.Equal(t, command.OK, code)
	assert.Contains(t, out, "warning: p99.9 TTFT at most 1 s: this load can miss it, but brings too few requests to meet it")
}

func TestCheck_namesAllMistakesOfAllFiles(t *testing.T) {
	broken := strings.NewReplacer("prompts of 16 tokens", "prompts of 200,000 tokens", "evenly at 5 per second\n    When the load runs for 10 requests\n    Then these objectives are met:\n      | requests | exactly 11 |",
		"evenly at five per second\n    When the load runs for 10 requests\n    Then these objectives are met:\n      | requests | exactly 11 |").Replace(quick)
	dir := folder(t, broken)
	other := strings.NewReplacer("  @quick\n", "", "prompts of 16 tokens are answered in 8 tokens", `conversations are drawn from "none.jsonl"`).Replace(quick)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "slo", "drawn.feature"), []byte(other), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "slo", "unread.feature"), []byte(strings.Replace(quick, "arrive evenly", "come", 2)), 0o644))
	code, _, complaints := called(t, dir, "check")
	assert.Equal(t, command.Wrong, code)
	for _, says := range []string{
		"slo/quick.feature:3: prompts of 200000 tokens and answers of 8 tokens do not fit into the model's context of",
		"slo/quick.feature:13: ",
		"slo/drawn.feature:4: there is no file " + filepath.Join(dir, "none.jsonl"),
		`slo/unread.feature:6: no sentence reads "requests come`,
		`slo/unread.feature:13: no sentence reads "requests come`,
	} {
		assert.Contains(t, complaints, says)
	}
}

func TestCheck_readsWhatAScenarioDrawsFrom(t *testing.T) {
	dir := folder(t, strings.ReplaceAll(quick, "prompts of 16 tokens are answered in 8 tokens", `conversations are drawn from "texts"`))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "texts"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "texts", "a.txt"), []byte("Why?"), 0o644))
	code, out, complaints := called(t, dir, "check")
	assert.Equal(t, command.OK, code, complaints)
	assert.Contains(t, out, "\n2 scenarios can run.\n")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "texts", "b.txt"), []byte("sch\xf6n"), 0o644))
	code, _, complaints = called(t, dir, "check")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, "texts/b.txt:1: the text is not UTF-8")
}

func TestCheck_namesMistakesWithoutTheServer(t *testing.T) {
	broken := strings.Replace(quick, "requests arrive evenly", "requests come evenly", 1)
	code, _, complaints := checkedFeature(t, broken, "--url", "http://127.0.0.1:1")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, `slo/quick.feature:6: no sentence reads "requests come`)
	assert.Contains(t, complaints, "127.0.0.1:1", "and that the server does not answer")
	code, out, _ := checkedFeature(t, quick, "--url", "http://127.0.0.1:1")
	assert.Equal(t, command.Failed, code)
	assert.NotContains(t, out, "can run")
	code, _, complaints = checkedFeature(t, quick, "--timeout", "1m")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, complaints, "there is no flag --timeout", "nothing is run")
}

func TestCheck_asksAServerForItsContext(t *testing.T) {
	profile := mockvllm.Profiles()[0]
	profile.MaxModelLen = 20
	mock, err := mockvllm.New(mockvllm.Config{Profile: profile, Names: []string{"llama-3.1-8b"}})
	require.NoError(t, err)
	mock.Start()
	defer mock.Close()
	server := httptest.NewServer(mock)
	defer server.Close()
	code, out, complaints := checkedFeature(t, quick, "--url", server.URL)
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, out, "the server serves llama-3.1-8b\n")
	assert.Contains(t, complaints, "do not fit into the model's context of 20 tokens")
	code, out, _ = checkedFeature(t, strings.ReplaceAll(quick, "16 tokens", "4 tokens"), "--url", server.URL)
	assert.Equal(t, command.OK, code)
	assert.Contains(t, out, "2 scenarios can run; the loads take 4 seconds in all, so give go test -timeout 15m.\n")
}
