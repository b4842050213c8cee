package suite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSummary_hasAScenarioThatFailsBeforeItsLoad(t *testing.T) {
	short := strings.Replace(minute, "1 minute", "3 requests", 1) + "      | requests | exactly 3 |\n"
	scenario := short[strings.Index(short, "  Scenario:"):]
	wrong := strings.NewReplacer("Scenario: One", "Scenario: Two", "prompts of 256 tokens", "prompts of 900,000 tokens").Replace(scenario)
	r := feature(t, short+"\n"+wrong)
	require.False(t, r.passed)
	summary := leftFile(t, r.out, "summary.md")
	assert.Contains(t, summary, "1 of 2 scenarios passed")
	assert.Regexp(t, `\| ✅ met, simulated \| One \|`, summary)
	assert.Contains(t, summary, "### ❌ failed, simulated: Two")
	assert.Contains(t, summary, "Not judged, simulated: prompts of 900000 tokens")
	assert.Contains(t, leftFile(t, r.out, "badge.svg"), "1 of 2 pass")
	assert.Contains(t, leftFile(t, r.out, "junit.xml"), `tests="2" failures="1"`)
}

func TestSummary_letPassIsNotCalledExpected(t *testing.T) {
	text := strings.Replace(minute, "1 minute", "3 requests", 1) + "      | mean GPU power | at most 300 W |\n"
	r := feature(t, text, "VLLMSPEC_UNKNOWN=warn")
	require.True(t, r.passed)
	assert.Contains(t, leftFile(t, r.out, "summary.md"), "✅ unknown, simulated, let pass as VLLMSPEC_UNKNOWN=warn asks")
	index := leftFile(t, r.out, "index.html")
	assert.Contains(t, index, "let pass as VLLMSPEC_UNKNOWN=warn asks")
	assert.NotContains(t, index, "as the scenario expected")
	assert.Contains(t, index, "1 of 1 scenario passed in the latest run.")
}

func leftFile(t *testing.T, folder, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, name))
	require.NoError(t, err)
	return string(raw)
}
