package spelling_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/internal/spelling"
)

func TestNearest(t *testing.T) {
	known := []string{"TTFT", "TPOT", "E2E latency", "error rate"}
	for word, want := range map[string]string{
		"TTFTT":       "TTFT",
		"tfft":        "TTFT",
		"e2e latnecy": "E2E latency",
		"errorrate":   "error rate",
		"weather":     "",
		"":            "",
	} {
		assert.Equal(t, want, spelling.Nearest(word, known), word)
	}
}

func TestDidYouMean(t *testing.T) {
	assert.Equal(t, `; did you mean "TTFT"?`, spelling.DidYouMean("TTTF", []string{"TTFT"}))
	assert.Equal(t, `; known: TTFT, TPOT`, spelling.DidYouMean("weather", []string{"TTFT", "TPOT"}))
	assert.Equal(t, "", spelling.DidYouMean("weather", nil))
}

func TestNearestSentence_sharesMostWords(t *testing.T) {
	known := []string{"the load runs for …", "the load is swept over … users", "an answer may take at most …"}
	for written, want := range map[string]string{
		"the load runs during 5 minutes":  "the load runs for …",
		"the load is swept over 2 people": "the load is swept over … users",
		"something else":                  "",
		"":                                "",
	} {
		assert.Equal(t, want, spelling.NearestSentence(written, known), written)
	}
}
