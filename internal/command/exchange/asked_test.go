package exchange

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
)

func TestOfFeature_readsTheObjectivesOfAScenario(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.feature")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o644)) }
	const one = "Feature: F\n  Background:\n    Given A request is good when:\n      | TTFT | at most 1 s |\n  Scenario: One\n    When the load runs for 1 minute\n" +
		"    Then These objectives are MET:\n      | metric | limit |\n      # why\n      | p95 TTFT | at most 300 ms |\n      | error rate | at most 1% |\n"
	write(one)
	asked, err := ofFeature(path)
	require.NoError(t, err)
	assert.Equal(t, "One", asked.Name)
	assert.Equal(t, path+":5", asked.Where)
	require.Len(t, asked.Good, 1, "of the background")
	require.Len(t, asked.Objectives, 2, "in any case, below a header")
	assert.Equal(t, path+":10", asked.Objectives[0].Where)

	write(one + "  Scenario: Two\n    Then these objectives are met:\n      | error rate none |\n")
	_, err = ofFeature(path)
	assert.ErrorContains(t, err, "has several scenarios with objectives; name one: "+path+":5 (One), "+path+":12 (Two)")
	asked, err = ofFeature(path + ":14")
	require.NoError(t, err)
	assert.Equal(t, "Two", asked.Name)

	write("Feature: F\n  Scenario Outline: One\n    Then these objectives are met:\n      | <what> | at most 300 ms |\n    Examples:\n      | what |\n      | p95 TTFT |\n      | p50 TTFT |\n")
	asked, err = ofFeature(path + ":8")
	require.NoError(t, err)
	assert.Equal(t, []string{"p50 TTFT at most 300 ms"}, texts(asked.Objectives))

	for steps, says := range map[string]string{
		"Then these objectives are met:\n      | p95 TTFFT | at most 300 ms |\n":                                                                          path + ":4: ",
		"Then these objectives are meet:\n      | p95 TTFT | at most 300 ms |\n":                                                                          path + `:3: no sentence reads "these objectives are meet:"`,
		"Then these objectives are met:\n      | error rate | none |\n    And compared with the baseline \"a\":\n      | p95 TTFT | at most 5% worse |\n": path + ":5: this is judged only of a load that the scenario runs",
		"Given the run is abandoned unless:\n      | error rate | none |\n":                                                                               path + ":3: this is judged only of a load",
	} {
		write("Feature: F\n  Scenario: One\n    " + steps)
		_, err = ofFeature(path)
		assert.ErrorContains(t, err, says)
	}
	write("Feature: F\n")
	_, err = ofFeature(path)
	assert.ErrorContains(t, err, "no scenario there has a table below")
}

func texts(all []harness.Objective) (out []string) {
	for _, o := range all {
		out = append(out, o.Text)
	}
	return out
}
