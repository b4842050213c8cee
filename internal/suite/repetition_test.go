package suite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRepetition_isSaidAtTheTerminal(t *testing.T) {
	again := strings.Replace(minute, "prompts of 256 tokens are answered in 32 tokens", "conversations are drawn from \"prompts\"\n    And answers are at most 8 tokens long", 1) +
		"      | error rate | none |\n"
	const warning = `[89]\d(\.\d)? % of prompt tokens were found in the server's prefix cache because conversations came again \(\d+ were drawn from 40\): real users seldom repeat each other; add: And the prefix cache is cold`
	r := feature(t, again)
	require.True(t, r.passed, r.output)
	assert.Regexp(t, "    warning: "+warning, r.output)
	assert.Regexp(t, warning, r.manifests(t)[0].Warnings)
	assert.True(t, strings.Contains(leftFile(t, r.runs[0], "report.html"), "real users seldom repeat each other"), "the report has it")

	for sentence, why := range map[string]string{
		"the prefix cache is cold":                               "nothing was found",
		"what earlier runs left in the prefix cache is used":     "all that is found is welcome",
		"requests arrive as a Poisson process at 0.5 per second": "none came again",
	} {
		t.Run(why, func(t *testing.T) {
			text := strings.Replace(again, "    And requests", "    And "+sentence+"\n    And requests", 1)
			if strings.HasPrefix(sentence, "requests") {
				text = strings.Replace(again, "at 8 per second", "at 0.5 per second", 1)
			}
			r := feature(t, text)
			require.True(t, r.passed, r.output)
			assert.NotContains(t, r.output, "warning:")
		})
	}
}

func TestRepetition_isSaidOnce(t *testing.T) {
	for _, both := range []string{"the prefix cache is cold", "the prefix cache is warm"} {
		r := feature(t, strings.Replace(minute, "    When", "    And what earlier runs left in the prefix cache is used\n    And "+both+"\n    When", 1)+"      | error rate | none |\n")
		assert.Contains(t, r.output, "the scenario says twice what is in the prefix cache; keep one")
	}
	_, err := try(t, strings.Replace(minute, "    When", "    And what earlier runs left in the cache is used\n    When", 1)+"      | error rate | none |\n")
	assert.ErrorContains(t, err, `did you mean "what earlier runs left in the prefix cache is used"?`)
}

func TestBaseline_withCachedWorkIsNone(t *testing.T) {
	root := madeBaseline(t)
	file := filepath.Join(root, "features", "baselines", "h100.txt")
	warm := strings.ReplaceAll(leftFile(t, filepath.Dir(file), "h100.txt"), " 0 prefix-cache-hit-rate-ratio", " 0.96 prefix-cache-hit-rate-ratio")
	require.Contains(t, warm, " 0.96 prefix-cache")
	require.NoError(t, os.WriteFile(file, []byte(warm), 0o644))
	r, err := tryIn(t, root, comparedWithBaseline)
	require.NoError(t, err)
	assert.False(t, r.passed)
	assert.Contains(t, r.output, `the baseline "h100" found 96 % of its prompt tokens in the server's prefix cache, and its own prompts explain 0 % at most: an earlier run had asked the same; make it anew`)
	assert.Regexp(t, `\? unknown +p50 TPOT`, r.output)
}
