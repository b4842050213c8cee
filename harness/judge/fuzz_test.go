package judge

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/store"
)

// FuzzTrials holds that what is read of trials.json can be written and read again, and names no folder
// that lies elsewhere.
func FuzzTrials(f *testing.F) {
	for _, seed := range []string{`{"kind":"repeats","planned":2,"trials":[{"run":"run=a","number":1,"seed":7,"length_ns":5,"figures":[{"name":"p99 TTFT","unit":"s","value":null,"lo":0.1,"hi":null,"n":5}]}]}`,
		`{"kind":"sweep","scale":"requests per second","trials":[{"run":"run=a"}],"curve":{"points":[{"setting":1,"runs":["run=a"],"verdicts":[]}],"knee":-1}}`,
		`{"kind":"search","trials":[],"search":{"low":1,"high":64,"objectives":[],"lo":2,"hi":4,"probes":[{"setting":2,"runs":["run=a"],"length_ns":9,"verdicts":[{"n":1,"interval":[null,null]}]}]}}`,
		`{"trials":[{"run":"../x"}]}`, `{"trials":[{"run":"run=a","length_ns":-9223372036854775808}]}`, `{`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		of, err := parseTrials("trials.json", raw)
		if err != nil {
			require.Contains(t, err.Error(), "trials.json")
			return
		}
		for _, trial := range of.Trials {
			require.True(t, store.IsName(trial.Run), trial.Run)
			require.GreaterOrEqual(t, trial.LengthNS, int64(0))
		}
		once, err := store.JSON(of)
		require.NoError(t, err)
		again, err := parseTrials("trials.json", once)
		require.NoError(t, err)
		twice, err := store.JSON(again)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
	})
}
