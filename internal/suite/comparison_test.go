package suite_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/slo"
)

const comparedWithBaseline = `@simulated
Feature: X
  Scenario: Chat
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And prompts of 256 tokens are answered in 16 tokens
    And requests arrive as a Poisson process at 8 per second
    And everything is repeated 6 times
    When the load runs for 5 seconds
    Then compared with the baseline "h100":
      | p50 TPOT   | at most 2% worse  |
      | p99.5 TTFT | at most 20% worse |
`

// EachOnce is the same without repeats, for what is said before anything is compared.
func EachOnce() string {
	return strings.Replace(comparedWithBaseline, "    And everything is repeated 6 times\n", "", 1)
}

// madeBaseline is a folder in which a baseline was made as the first run says.
func madeBaseline(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	r, err := tryIn(t, root, comparedWithBaseline)
	require.NoError(t, err)
	require.False(t, r.passed, "there is no baseline yet")
	command := regexp.MustCompile(`there is no baseline "h100"; to make one of this run: (mkdir .*)\n`).FindStringSubmatch(r.output)
	require.NotNil(t, command, r.output)
	shell := exec.Command("sh", "-c", command[1])
	shell.Dir = root
	out, err := shell.CombinedOutput()
	require.NoError(t, err, string(out))
	require.FileExists(t, filepath.Join(root, "features", "baselines", "h100.txt"))
	return root
}

func TestBaseline_aRunIsHeldAgainstIt(t *testing.T) {
	root := madeBaseline(t)
	t.Run("whose figures it has or has not", func(t *testing.T) { isHeldAgainst(t, root) })
	t.Run("if it is like it", func(t *testing.T) { unlikeIsRefused(t, root) })
	t.Run("if that can be read", func(t *testing.T) { unreadableIsAnError(t, root) })
}

func isHeldAgainst(t *testing.T, root string) {
	same, err := tryIn(t, root, comparedWithBaseline)
	require.NoError(t, err)
	assert.True(t, same.passed, same.output)
	verdicts := readJSON[[]slo.Verdict](t, filepath.Join(same.out, same.manifests(t)[7].Run, "verdicts.json"))
	require.Len(t, verdicts, 2)
	assert.Equal(t, 1.0, verdicts[0].Value)
	assert.Equal(t, 12, verdicts[1].N)

	slower, err := tryIn(t, root, strings.Replace(comparedWithBaseline, "    And everything", "    And its steps take 1.05 times as long after 0 seconds\n    And everything", 1))
	require.NoError(t, err)
	assert.False(t, slower.passed)
	assert.Regexp(t, `missed: p50 TPOT was 10[5-7]\S* % of the baseline \[10\S+, 10\S+\], n = 12, against at most 2% worse, because answers took longer to decode: .*; medians .*\(features/x.feature:11\)`, slower.output)
}

func unlikeIsRefused(t *testing.T, root string) {
	for change, says := range map[string]string{
		"at 8 per|at 9 per":     `load was "a Poisson process at 8 per second, for 5s" and is now "a Poisson process at 9 per second, for 5s"`,
		"256 tokens|300 tokens": `workload was "synthetic prompts of 256 tokens, answered in 16 tokens" and is now`,
		"one H100|one A100":     `gpu was "one H100" and is now "one A100"`,
	} {
		from, to, _ := strings.Cut(change, "|")
		r, err := tryIn(t, root, strings.Replace(EachOnce(), from, to, 1))
		require.NoError(t, err)
		assert.False(t, r.passed, change)
		assert.Contains(t, r.output, `unlike runs are not compared: since the baseline "h100" was made, `, change)
		assert.Contains(t, r.output, says, change)
	}
}

func unreadableIsAnError(t *testing.T, root string) {
	path := filepath.Join(root, "features", "baselines", "h100.txt")
	made, err := os.ReadFile(path)
	require.NoError(t, err)
	for says, text := range map[string]string{
		"features/x.feature:8: " + path + ":1: missing": "BenchmarkChat 12\n",
		"holds no run of Chat, but of Prose":            strings.ReplaceAll(string(made), "BenchmarkChat", "BenchmarkProse"),
		"features/x.feature:10: ":                       strings.ReplaceAll(string(made), "p99.5-TTFT-sec", "p99.4-TTFT-sec"),
		"unsound was":                                   "unsound: the client was late\n" + string(made),
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		r, err := tryIn(t, root, EachOnce())
		assert.False(t, r.passed, says)
		assert.Contains(t, r.output+fmt.Sprint(err), says)
	}
}

func TestBaseline_oneRunIsNotHeldAgainstOne(t *testing.T) {
	single := EachOnce()
	root := t.TempDir()
	r, err := tryIn(t, root, single)
	require.NoError(t, err)
	bench, err := os.ReadFile(filepath.Join(r.runs[0], "bench.txt"))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "features", "baselines"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "features", "baselines", "h100.txt"), bench, 0o644))
	r, err = tryIn(t, root, single)
	require.NoError(t, err)
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "of one run on each side it is unknown what differs from run to run: 3 more repeats on each side could decide")
}

func TestComparison_isReadBeforeAnythingRuns(t *testing.T) {
	for from, says := range map[string]string{
		"2% worse|2% wrose":                 `features/x.feature:10: "at most 2% wrose" is no comparison; write "at most 5% worse"`,
		"p50 TPOT|p50 TTOP":                 `features/x.feature:10: unknown metric "TTOP"; did you mean `,
		"2% worse|5 ms":                     `features/x.feature:10: "at most 5 ms" is no comparison`,
		`with the baseline|to the baseline`: `did you mean "compared with the baseline \"h100\":"?`,
	} {
		from, to, _ := strings.Cut(from, "|")
		_, err := try(t, strings.Replace(comparedWithBaseline, from, to, 1))
		assert.ErrorContains(t, err, says)
	}
	r := feature(t, strings.Replace(comparedWithBaseline, `"h100"`, `"../h100"`, 1))
	assert.Contains(t, r.output, `"../h100" is no name of a baseline; it is that of a file in features/baselines, without .txt`)
	assert.Empty(t, r.runs)
}

func TestBaseline_anotherFileOfTheSameNameIsAnotherWorkload(t *testing.T) {
	drawn := strings.Replace(EachOnce(), "prompts of 256 tokens are answered in 16 tokens", "conversations are drawn from \"chats.txt\"\n    And answers are at most 16 tokens long", 1)
	judged, _, _ := strings.Cut(drawn, "    Then ")
	labels := func(text string) string {
		root := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(root, "chats.txt"), []byte(text), 0o644))
		r, err := tryIn(t, root, judged+"    Then these objectives are met:\n      | requests | at least 1 |\n")
		require.NoError(t, err)
		require.True(t, r.passed, r.output)
		bench, err := os.ReadFile(filepath.Join(r.runs[0], "bench.txt"))
		require.NoError(t, err)
		return regexp.MustCompile(`(?m)^files: chats.txt [0-9a-f]{12}$`).FindString(string(bench))
	}
	first := labels("Who was Ada Lovelace?\n")
	require.NotEmpty(t, first)
	assert.NotEqual(t, first, labels("Who was Alan Turing?!\n"))
	assert.Equal(t, first, labels("Who was Ada Lovelace?\n"))
}
