package harness_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
)

func TestStop_readsBackAsItWas(t *testing.T) {
	for _, stop := range []harness.Stop{{}, {Kind: harness.StopInterrupted}, {Kind: harness.StopAbandoned, Detail: "p99 TTFT at most 1 s was missed"},
		{Kind: harness.StopKilled}, {Kind: harness.StopOther, Detail: "out of time"}} {
		raw, err := json.Marshal(stop)
		require.NoError(t, err)
		var back harness.Stop
		require.NoError(t, json.Unmarshal(raw, &back))
		assert.Equal(t, stop, back)
	}
}

func TestStop_readsTheSentencesOfOlderFiles(t *testing.T) {
	for sentence, want := range map[string]harness.Stop{
		"": {}, "interrupted": {Kind: harness.StopInterrupted},
		"abandoned: max backlog at most 3 was missed":                              {Kind: harness.StopAbandoned, Detail: "max backlog at most 3 was missed"},
		"the program was killed; what it had written down by then is all there is": {Kind: harness.StopKilled},
		"out of time": {Kind: harness.StopOther, Detail: "out of time"},
	} {
		raw, err := json.Marshal(sentence)
		require.NoError(t, err)
		var stop harness.Stop
		require.NoError(t, json.Unmarshal(raw, &stop))
		assert.Equal(t, want, stop)
		assert.Equal(t, sentence, stop.String())
		assert.Equal(t, sentence != "", stop.Early())
	}
	var stop harness.Stop
	assert.ErrorContains(t, json.Unmarshal([]byte("7"), &stop), "why the load ended")
}
