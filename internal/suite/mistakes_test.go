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
