package suite_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUnreadable_saysWhereAndWhatWouldBeRight(t *testing.T) {
	for text, says := range map[string]string{
		"Feature: f\n  Scenario: One\n    Given the model \"llama-3.1-8b\" is being served\n  Blah blah\n":                                              `a.feature:4: "Blah blah" cannot stand here; a sentence begins with Given, When, Then, And or But`,
		"Feature: f\n  Scenario: One\n    Then these objectives are met:\n      | p99 TTFT | at most 1 s |\n      | a | b | c |\n":                      "a.feature:5: the rows of this table have different numbers of cells",
		"Feature: f\n  Scenario: One\n\n    It is quick.\n    Give the model \"llama-3.1-8b\" is being served\n    When the load runs for 10 seconds\n": `a.feature:5: "Give the model \"llama-3.1-8b\" is being served" begins with no keyword, and is read as a description; did you mean "Given the model \"llama-3.1-8b\" is being served"?`,
		"Feature: f\n  Background:\n    the load runs for 10 seconds\n  Scenario: One\n    Given the model \"llama-3.1-8b\" is being served\n":          `a.feature:3: "the load runs for 10 seconds" begins with no keyword`,
	} {
		root := t.TempDir()
		put(t, root, text, "features/a.feature")
		_, err := found(t, root)
		assert.ErrorContains(t, err, "features/"+says)
		assert.NotContains(t, err.Error(), "Parser errors")
	}
}
