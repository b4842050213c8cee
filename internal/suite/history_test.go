package suite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/history"
)

// comparedWithItsPast is a scenario of a fixed seed, so that all its runs are the same.
func comparedWithItsPast(with string) string {
	return strings.NewReplacer(`compared with the baseline "h100":`, with, "    When", "    And the seed is 3\n    When").Replace(comparedWithBaseline)
}

func TestPast_theLastRunsOfABranch(t *testing.T) {
	root, main := t.TempDir(), "GITHUB_REF_NAME=main"
	text := comparedWithItsPast(`compared with the last 10 runs on the branch "main":`)
	first, err := tryIn(t, root, text, main)
	require.NoError(t, err)
	assert.False(t, first.passed, "there is none yet")
	assert.Contains(t, first.output, `? unknown  p50 TPOT`)
	assert.Contains(t, first.output, `there is nothing to compare with: no run of this scenario that came to its end is stored among the last 10 runs on the branch "main"`)
	let, err := tryIn(t, t.TempDir(), text, main, "VLLMSPEC_UNKNOWN=warn")
	require.NoError(t, err)
	assert.True(t, let.passed, let.output)

	elsewhere, err := tryIn(t, root, text, "GITHUB_REF_NAME=main", "GITHUB_HEAD_REF=topic")
	require.NoError(t, err)
	assert.True(t, elsewhere.passed, elsewhere.output)
	assert.Contains(t, elsewhere.output, "n = 12", "six repeats, and six of the run before")

	moved, err := tryIn(t, root, strings.Replace(text, "  Scenario: Chat", "  # A line above it\n  @id:chat\n  Scenario: Chat", 1), main)
	require.NoError(t, err)
	assert.True(t, moved.passed, moved.output)
	assert.Contains(t, moved.output, "n = 12", "the run of the topic is not on main")
	renamed, err := tryIn(t, root, strings.Replace(text, "  Scenario: Chat", "  @id:chat\n  Scenario: Talk", 1), main)
	require.NoError(t, err)
	assert.True(t, renamed.passed, renamed.output)
	assert.Contains(t, renamed.output, "n = 18", "the tag stands for its name, also of runs from before it had one")
	list, err := os.ReadFile(filepath.Join(root, "reports", "out", "index.html"))
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(string(list), `class="spark"`), "one trend")

	slower, err := tryIn(t, root, strings.Replace(text, "    And everything", "    And its steps take 1.05 times as long after 0 seconds\n    And everything", 1), main)
	require.NoError(t, err)
	assert.False(t, slower.passed)
	assert.Contains(t, slower.output, "missed")
	unlike, err := tryIn(t, root, strings.Replace(text, "256 tokens", "300 tokens", 1), main)
	require.NoError(t, err)
	assert.False(t, unlike.passed)
	assert.Contains(t, unlike.output, `unlike runs are not compared: since the last 10 runs on the branch "main", workload was "synthetic prompts of 256 tokens, answered in 16 tokens" and is now "synthetic prompts of 300 tokens`)
}

func TestPast_oneRun(t *testing.T) {
	root := t.TempDir()
	first, err := tryIn(t, root, comparedWithItsPast("compared with the last 5 runs:"))
	require.NoError(t, err)
	require.NotEmpty(t, first.runs)
	name := filepath.Base(first.runs[len(first.runs)-1])
	r, err := tryIn(t, root, comparedWithItsPast(`compared with the run "`+name+`":`))
	require.NoError(t, err)
	assert.True(t, r.passed, r.output)
	verdicts, err := os.ReadFile(filepath.Join(root, "reports", "out", "latest", "verdicts.json"))
	require.NoError(t, err)
	assert.Contains(t, string(verdicts), "compared by pairs of runs with the same seed")
	r, err = tryIn(t, root, comparedWithItsPast(`compared with the run "run=20260101T000000Z-chat":`))
	require.NoError(t, err)
	assert.False(t, r.passed)
	assert.Contains(t, r.output, `there is no run "run=20260101T000000Z-chat" with figures; vllmspec history list names the stored ones`)
	_, err = tryIn(t, root, comparedWithItsPast(`compared with the run "":`))
	assert.ErrorContains(t, err, "x.feature:10: no run has an empty name; write that of its folder")
	_, err = tryIn(t, root, comparedWithItsPast("compared with the last 0 runs:"))
	assert.ErrorContains(t, err, "x.feature:10: 0 runs are not compared with; write a number from 1 to 1000")
}

func TestHistory_isNeverInTheWay(t *testing.T) {
	root := t.TempDir()
	text := `@simulated
Feature: X
  Scenario: Chat
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And prompts of 256 tokens are answered in 16 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 5 seconds
    Then these objectives are met:
      | error rate | none |
`
	down, err := tryIn(t, root, text, "VLLMSPEC_DB=postgres://ci:topsecret@/perf?host=/nowhere")
	require.NoError(t, err)
	assert.True(t, down.passed, "the verdict is that of the run")
	assert.Regexp(t, `the runs are stored, and not all of them are in the history: the history in PostgreSQL at … cannot be used: .*no such file or directory\n`, down.output)
	assert.NotContains(t, down.output, "topsecret")
	require.Len(t, down.runs, 1)

	index := filepath.Join(root, "reports", "out", history.FileName)
	require.NoError(t, os.WriteFile(index, []byte(strings.Repeat("no database ", 400)), 0o644))
	shared := filepath.Join(root, "shared.db")
	up, err := tryIn(t, root, text, "VLLMSPEC_DB=sqlite:shared.db")
	require.NoError(t, err)
	assert.True(t, up.passed)
	assert.Contains(t, up.output, "the list of runs is that of the newest: the history in "+index+" cannot be used: it is damaged")
	h, err := history.OpenFile(t.Context(), shared)
	require.NoError(t, err)
	defer h.Close()
	runs, err := h.Runs(t.Context(), history.Query{})
	require.NoError(t, err)
	assert.Len(t, runs, 2, "the run of the night on which it was down is there too")
	list, err := os.ReadFile(filepath.Join(root, "reports", "out", "index.html"))
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(string(list), `class="target"`))
}
