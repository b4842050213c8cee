package suite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMistakes_inTheLastScenarioAreFoundFirst(t *testing.T) {
	last := strings.Replace(minute[strings.Index(minute, "  Scenario:"):], "Scenario: ", "Scenario: Another ", 1) + "      | p50 TTFTT | at most 500 ms |\n"
	_, err := try(t, minute+"      | requests | at least 1 |\n\n"+last)
	require.ErrorContains(t, err, `unknown metric "TTFTT"; did you mean "TTFT"?`)
	assert.ErrorContains(t, err, "features/x.feature:")
}

func TestMistakes_ofAllFilesAreFoundAtOnce(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "y.feature"), []byte(minute+"      | p50 TTFTT | at most 500 ms |\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(root, "z.feature"), []byte("Feature: Nothing\n"), 0o644))
	_, err := tryIn(t, root, minute+"      | p50 TPOTT | at most 500 ms |\n", "VLLMSPEC_FEATURES=features,y.feature,z.feature")
	assert.ErrorContains(t, err, `unknown metric "TPOTT"`)
	assert.ErrorContains(t, err, `unknown metric "TTFTT"`)
	assert.ErrorContains(t, err, "z.feature: the file is empty")
}

// TestMistakes_ofFilesAndDatasetsAreFoundBeforeTheFirstLoad has a feature that could run, and three that cannot: none
// is run, and one try shows all that is wrong.
func TestMistakes_ofFilesAndDatasetsAreFoundBeforeTheFirstLoad(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	rows := "      | requests | at least 1 |\n"
	write("a.feature", strings.Replace(minute, "requests arrive", "requests come", 1)+rows)
	write("b.feature", strings.Replace(minute, "the load runs for 1 minute", "the load runs for 1 fortnight", 1)+"      | p50 TTFTT | at most 500 ms |\n")
	write("broken.jsonl", "{\"prompt\": \"one\"}\n{\"prompt\": 2}\n")
	drawn := func(from string) string {
		return "Feature: Drawn\n  Background:\n    Given the model \"llama-3.1-8b\" is being served\n    And conversations are drawn from \"" + from + "\"\n    And answers are at most 20 tokens long\n" +
			"    And requests arrive evenly at 8 per second\n  Scenario: One\n    When the load runs for 10 requests\n    Then these objectives are met:\n" + rows +
			"  Scenario: Two\n    When the load runs for 10 requests\n    And the load runs for 10 requests\n    Then these objectives are met:\n" + rows + "    And compared with the baseline \"../x\":\n      | p50 TTFT | at most 5% worse |\n"
	}
	write("c.feature", drawn("missing.jsonl"))
	write("d.feature", drawn("broken.jsonl"))
	_, err := tryIn(t, root, minute+rows, "VLLMSPEC_FEATURES=features,a.feature,b.feature,c.feature,d.feature")
	for _, says := range []string{
		`a.feature:5: no sentence reads "requests come`, `b.feature:8: unknown metric "TTFTT"`, `c.feature:4: there is no file `, `missing.jsonl`,
		"c.feature:13: the load has run already", "d.feature:8: broken.jsonl:2: ",
	} {
		assert.ErrorContains(t, err, says)
	}
	require.Error(t, err)
	assert.Equal(t, 1, strings.Count(err.Error(), "broken.jsonl:2"))
	assert.Equal(t, 1, strings.Count(err.Error(), "there is no file "), "a background's sentence stands in both scenarios")
	runs, globErr := filepath.Glob(filepath.Join(root, "reports", "out", "run=*"))
	require.NoError(t, globErr)
	assert.Empty(t, runs)
}
