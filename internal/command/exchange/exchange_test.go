package exchange

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/open"
)

// types calls a command in a folder.
func types(dir string, args ...string) (code int, out, complaints string) {
	var o, e bytes.Buffer
	code = command.Table{ImportCommand(), ExportCommand()}.Run(command.Call{Args: args, Dir: dir, Out: &o, Err: &e})
	return code, o.String(), e.String()
}

// fixtures is the folder of results that tools wrote.
func fixtures(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "..", "harness", "foreign", "testdata"))
	require.NoError(t, err)
	return path
}

// runs are those that are stored.
func runs(t *testing.T, out string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(out, "run=*"))
	require.NoError(t, err)
	return all
}

func TestImport_judgesAndStores(t *testing.T) {
	out := t.TempDir()
	code, said, complaints := types(fixtures(t), "import", "vllm-bench.json", "p50 TTFT at most 300 ms", "--out", out, "error rate at most 50%")
	assert.Equal(t, command.OK, code, complaints)
	assert.Contains(t, said, "Met: both objectives, 48 requests.")
	assert.Contains(t, said, "measured by vllm bench serve")
	assert.FileExists(t, filepath.Join(out, "index.html"))
	assert.FileExists(t, strings.TrimSpace(said[strings.LastIndex(said, "\n  "):]))
	for objective, outcome := range map[string]string{"p99 ITL at most 50 ms": "Unknown: ", "error rate none": "Missed: ", "max running requests at most 9": "Unknown: the files of vllm bench serve do not have it."} {
		code, said, complaints := types(fixtures(t), "import", "vllm-bench.json", objective, "--out", out)
		assert.Equal(t, command.Failed, code, objective)
		assert.Empty(t, complaints)
		assert.Contains(t, said, outcome)
	}
	require.Len(t, runs(t, out), 4)
	var said2, complaints2 bytes.Buffer
	lenient := command.Table{ImportCommand()}.Run(command.Call{Args: []string{"import", "vllm-bench.json", "p99 ITL at most 50 ms", "--out", t.TempDir()}, Dir: fixtures(t), Environ: []string{"VLLMSPEC_UNKNOWN=warn"}, Out: &said2, Err: &complaints2})
	assert.Equal(t, command.OK, lenient, complaints2.String())
	assert.Contains(t, said2.String(), "Unknown: ")
	latest, err := open.Latest(out)
	require.NoError(t, err)
	assert.Equal(t, "report.html", filepath.Base(latest))
	assert.FileExists(t, filepath.Join(out, "latest", "report.html"))

	feature := filepath.Join(t.TempDir(), "chat.feature")
	require.NoError(t, os.WriteFile(feature, []byte("Feature: F\n  Scenario: Chat\n    Then these objectives are met:\n      | p50 E2E latency | at most 2 s |\n"), 0o644))
	code, said, complaints = types(fixtures(t), "import", "guidellm.json.gz", "--objectives", feature, "--out", out)
	assert.Equal(t, command.OK, code, complaints)
	assert.Contains(t, said, "met: p50 E2E latency was")
}

func TestImport_saysWhatIsWrong(t *testing.T) {
	dir := fixtures(t)
	for says, args := range map[string][]string{
		"it takes the files of a tool":          {"p95 TTFT at most 300 ms"},
		`p95 TTFFT`:                             {"vllm-bench.json", "p95 TTFFT at most 300 ms"},
		"it is none of these: vllm bench serve": {"README.md"},
		"no such file":                          {"missing.json"},
		`--tool: no tool is called "k7"`:        {"vllm-bench.json", "--tool", "k7"},
		"it is no result of k6":                 {"vllm-bench.json", "--tool", "k6"},
		"--objectives: ":                        {"vllm-bench.json", "--objectives", "missing.feature"},
		"from which no interval follows; run k6 with --out json": {"k6-summary.json"},
	} {
		code, _, complaints := types(dir, append([]string{"import", "--out", t.TempDir()}, args...)...)
		assert.Equal(t, command.Wrong, code, says)
		assert.Contains(t, complaints, says)
	}
}

func TestExport_isImportedAgain(t *testing.T) {
	out := t.TempDir()
	code, _, complaints := types(fixtures(t), "import", "profile_export.jsonl.gz", "profile_export_aiperf.json", "p50 TTFT at most 300 ms", "--out", out)
	require.Equal(t, command.OK, code, complaints)
	require.Len(t, runs(t, out), 1)
	dir := t.TempDir()
	code, said, complaints := types(dir, "export", runs(t, out)[0], "--to", "chat.json")
	require.Equal(t, command.OK, code, complaints)
	assert.Empty(t, said)
	code, said, complaints = types(dir, "import", "chat.json", "p50 TTFT at most 300 ms")
	require.Equal(t, command.OK, code, complaints)
	assert.Contains(t, said, "measured by vllm bench serve")
	assert.NotContains(t, said, "do not follow from its requests")
	code, said, _ = types(dir, "export", runs(t, out)[0], "--format", "csv")
	assert.Equal(t, command.OK, code)
	assert.Equal(t, 49, strings.Count(said, "\n"))
	for says, args := range map[string][]string{"it takes the folder of one run": nil, `there is no format "cvs"; did you mean "csv"?`: {dir, "--format", "cvs"}, "is no stored run": {dir}} {
		code, _, complaints := types(dir, append([]string{"export"}, args...)...)
		assert.Equal(t, command.Wrong, code)
		assert.Contains(t, complaints, says)
	}
}

// TestDocument_showsWhatIsPrinted holds the output in docs/other-tools.md to what the command above it prints.
func TestDocument_showsWhatIsPrinted(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "other-tools.md"))
	require.NoError(t, err)
	found := regexp.MustCompile("(?s)```sh\nvllmspec import ([^\n]+)\n```\n\n```text\n(.*?)```").FindAllStringSubmatch(string(raw), -1)
	require.NotEmpty(t, found)
	for _, block := range found {
		var args []string
		for _, word := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(block[1], -1) {
			args = append(args, strings.Trim(word, "'"))
		}
		_, said, complaints := types(fixtures(t), append([]string{"import", "--out", t.TempDir()}, args...)...)
		assert.Empty(t, complaints)
		lines := strings.Split(strings.TrimSpace(said), "\n")
		said = strings.Join(lines[:len(lines)-1], "\n") // the last one is where the report is
		assert.Equal(t, said, strings.TrimSpace(block[2]), block[1])
	}
}
