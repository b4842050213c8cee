package suite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConsole_showsSentencesWithoutTheCodeBehindThem(t *testing.T) {
	r := feature(t, onTheMock("    And prompts of 64 tokens are answered in 4 tokens\n    And requests arrive evenly at 4 per second\n", "8 requests", "      | error rate | none |\n"))
	assert.True(t, r.passed, r.output)
	assert.Contains(t, r.output, "    And prompts of 64 tokens are answered in 4 tokens\n")
	assert.Contains(t, r.output, "# features/x.feature:2", "where the scenario stands")
	assert.Contains(t, r.output, "# features/x.feature:2 (1 of 1)\n", "which of all it is")
	assert.NotContains(t, r.output, ".go:", "where its code stands")
	assert.Regexp(t, `\n\d+ steps \(\d+ passed\)\n\S+ of virtual time\n`, r.output)
}

func TestConsole_saysOnceWhyAScenarioFailed(t *testing.T) {
	r := feature(t, onTheMock("    And prompts of 64 tokens are answered in 4 tokens\n    And requests arrive evenly at 4 per second\n", "8 requests", "      | requests | exactly 9 |\n"))
	assert.False(t, r.passed)
	assert.Equal(t, 1, strings.Count(r.output, "requests was 8"), r.output)
	assert.Contains(t, r.output, "    Missed, simulated: the one objective.\n      ✗ missed   requests  8  exactly 9  n = 8\n")
	assert.NotContains(t, r.output, "Failed steps")
	assert.Contains(t, r.output, "\n1 scenario (1 failed)\n", "what godog counts stays")
	assert.Contains(t, r.output, "    0 of 1 scenario passed\n    failed: features/x.feature:2 One\n    all runs: file://"+r.out+"/index.html\n")
}

func TestConsole_beginsWithWhatIsRunAndEndsWithFigures(t *testing.T) {
	r := feature(t, minute+"      | p50 TTFT | at most 500 ms |\n")
	assert.True(t, strings.HasPrefix(r.output, "target: the mock, in virtual time"), r.output)
	assert.Contains(t, r.output, "\n1 scenario of features/x.feature\n")
	assert.Regexp(t, `(?m)^ +mean +p50 +p90 +p99
      TTFT  +[\d.]+ ms  +[\d.]+ ms  +[\d.]+ ms  +[\d.]+ ms
      ITL  .*
      TPOT  .*
      E2E latency  .*
      request throughput +[\d.]+ per second
      output throughput +[\d.]+ tokens per second
      error rate +0 %
    report: file:///\S+/run=\S+-one/report.html$`, r.output)
	to, err := os.Readlink(filepath.Join(r.out, "latest"))
	require.NoError(t, err)
	assert.Equal(t, filepath.Base(r.runs[0]), to)
}

func TestConsole_figuresOfSeveralRunsAreARowEach(t *testing.T) {
	r := feature(t, strings.Replace(minute, "    When the load", "    And everything is repeated 2 times\n    When the load", 1)+"      | p50 TTFT | at most 500 ms |\n")
	assert.Regexp(t, `(?m)^ +p50 TTFT +p99 TTFT +p50 TPOT +tokens/s +errors
      repeat 1  +[\d.]+ ms  +[\d.]+ ms  +[\d.]+ ms +\d+ +0 %
      repeat 2  .*
    report: `, r.output)
	to, err := os.Readlink(filepath.Join(r.out, "latest"))
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(r.out, to, "trials.json"))
}
