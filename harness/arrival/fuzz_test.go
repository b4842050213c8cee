package arrival_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/arrival"
)

// FuzzArrivals holds that arrivals which are read are written as they were, and that the times of those
// that can be drawn ascend.
func FuzzArrivals(f *testing.F) {
	for _, of := range []arrival.Arrivals{arrival.Poisson{PerSecond: 8}, arrival.Even{PerSecond: 3}, arrival.Bursty{PerSecond: 4, CV: 2}, arrival.AtOnce{},
		arrival.Staged{Process: arrival.Poisson{PerSecond: 1}, Stages: []arrival.Stage{{For: time.Minute, From: 1, To: 5}}}, arrival.Swinging{Process: arrival.Even{PerSecond: 1}, Low: 1, High: 5, Period: time.Hour}} {
		raw, err := arrival.Encode(of)
		require.NoError(f, err)
		f.Add([]byte(raw))
	}
	f.Add([]byte(`{"kind":"poisson","per_second":-1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		of, err := arrival.Decode(raw)
		if err != nil {
			return
		}
		once, err := arrival.Encode(of)
		if err != nil {
			return // an arrival of another package's kind
		}
		require.True(t, json.Valid(once))
		again, err := arrival.Decode(once)
		require.NoError(t, err)
		twice, err := arrival.Encode(again)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
		if rate, ok := of.(arrival.Poisson); !ok || rate.PerSecond <= 0 || rate.PerSecond > 1e6 {
			return
		}
		last, n := time.Duration(-1), 0
		for at := range of.Times(rand.New(rand.NewPCG(1, 1))) {
			require.GreaterOrEqual(t, at, last)
			if last, n = at, n+1; n == 100 {
				break
			}
		}
	})
}
