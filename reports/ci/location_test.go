package ci

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCucumberFeature_stepsAreWhereTheirSentencesStand(t *testing.T) {
	var f CucumberFeature
	require.NoError(t, json.Unmarshal([]byte(`{"uri": "features/a.feature", "name": "A", "elements": [{"name": "One", "steps": [{"name": "x", "line": 7, "match": {"location": "sentence.go:172"}}]}]}`), &f))
	require.NoError(t, f.locateSteps())
	raw, err := json.Marshal(f)
	require.NoError(t, err)
	assert.JSONEq(t, `{"uri": "features/a.feature", "name": "A", "elements": [{"name": "One", "steps": [{"name": "x", "line": 7, "match": {"location": "features/a.feature:7"}}]}]}`, string(raw))

	require.NoError(t, json.Unmarshal([]byte(`{"uri": "features/b.feature", "elements": null}`), &f))
	assert.NoError(t, f.locateSteps(), "a feature without scenarios")
}
