package harness_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
)

// A warning is its text in files, also in those of earlier versions, and keeps its kind.
func TestWarning_survivesItsFile(t *testing.T) {
	const file = `["the disk is gone","unknown, and let pass as VLLMSPEC_UNKNOWN=warn asks: p99 TTFT"]`
	var warnings []harness.Warning
	require.NoError(t, json.Unmarshal([]byte(file), &warnings))
	assert.Equal(t, []harness.Warning{{Kind: harness.Oddity, Text: "the disk is gone"}, {Kind: harness.LetPass, Text: "p99 TTFT"}}, warnings)
	raw, err := json.Marshal(warnings)
	require.NoError(t, err)
	assert.Equal(t, file, string(raw))
	assert.Equal(t, warnings[:1], harness.Oddities("the disk is gone"))
}
