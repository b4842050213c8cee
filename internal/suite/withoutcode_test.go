package suite_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestConsole_showsSentencesWithoutTheCodeBehindThem(t *testing.T) {
	r := feature(t, onTheMock("    And prompts of 64 tokens are answered in 4 tokens\n    And requests arrive evenly at 4 per second\n", "8 requests", "      | error rate | none |\n"))
	assert.True(t, r.passed, r.output)
	assert.Contains(t, r.output, "    And prompts of 64 tokens are answered in 4 tokens\n")
	assert.Contains(t, r.output, "# features/x.feature:2", "where the scenario stands")
	assert.NotContains(t, r.output, ".go:", "where its code stands")
}
