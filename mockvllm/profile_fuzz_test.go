package mockvllm

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzProfile holds that a profile which is read can be served: its times are numbers, and it is
// written as it was read.
func FuzzProfile(f *testing.F) {
	for _, p := range Profiles() {
		raw, err := json.Marshal(p)
		require.NoError(f, err)
		f.Add(raw)
	}
	for _, seed := range []string{"{}", `{"a_ms":-1}`, `{"name":"x","block_size":0}`, "[", `{"a_ms":1e308,"unknown":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := parseProfile("p.json", raw)
		if err != nil {
			require.Contains(t, err.Error(), "p.json")
			return
		}
		for _, v := range []float64{p.A, p.W, p.B, p.C, p.D, p.E} {
			require.True(t, v >= 0 && !math.IsInf(v, 0), "%v", v)
		}
		require.Positive(t, p.Blocks)
		require.Positive(t, p.BlockSize)
		once, err := json.Marshal(p)
		require.NoError(t, err)
		again, err := parseProfile("p.json", once)
		require.NoError(t, err)
		twice, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
	})
}

// FuzzFaults holds that a fault is written as it is read.
func FuzzFaults(f *testing.F) {
	for _, seed := range []string{"status status=503 share=5% from=10s for=30s", "freeze for=10s from=1m", "slow factor=2", "status status=429 retry-after=5s header=A:b model=x every=3 first=2 path=/v1/completions", "x", "status status=1e9", "freeze for=-1s", "freeze for=9999999h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := ParseFault(text)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		again, err := ParseFault(fault.String())
		require.NoError(t, err, "%q is written %q", text, fault)
		require.Equal(t, fault.String(), again.String())
	})
}
