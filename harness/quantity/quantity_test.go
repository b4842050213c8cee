package quantity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/quantity"
)

func TestRead_typedQuantitiesAreTheCanonicalOnes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		unit  quantity.Unit
		typed []string
		is    string
		value float64
	}{
		{quantity.Seconds, []string{"300 ms", "300ms", "300 MS", "300 msec", "300 milliseconds", "300  ms"}, "300 ms", 0.3},
		{quantity.Seconds, []string{"20 s", "20s", "20 sec", "20 secs", "20 seconds", "20 Seconds"}, "20 s", 20},
		{quantity.Seconds, []string{"2 minutes", "2 min", "2 mins"}, "2 minutes", 120},
		{quantity.Seconds, []string{"1 minute", "1 min", "1 minutes"}, "1 minute", 60},
		{quantity.Ratio, []string{"0.1%", "0.1 %", "0.1 percent", "0.1 per cent", "0.10%"}, "0.1%", 0.001},
		{quantity.PerSecond, []string{"8 per second", "8 req/s", "8 rps", "8 RPS", "8 requests/s", "8 requests per second", "8/s", "8 / s", "8 per sec", "8 requests a second", "8 reqs/sec"}, "8 per second", 8},
		{quantity.TokensPerSecond, []string{"1,500 tokens per second", "1500 tokens per second", "1.5k tok/s", "1.5K tokens/s", "1,500 tps", "1500 tok/sec", "1.5k tokens per sec"}, "1,500 tokens per second", 1500},
		{quantity.TokensPerSecond, []string{"2M tok/s", "2,000,000 tokens per second"}, "2,000,000 tokens per second", 2e6},
		{quantity.Tokens, []string{"512", "512 tokens", "512 tok"}, "512", 512},
		{quantity.Count, []string{"1,000", "1k", "1000", "1000 requests", "1K requests"}, "1,000", 1000},
		{quantity.Bytes, []string{"40 GB", "40GB", "40 gb"}, "40 GB", 40e9},
		{quantity.Joules, []string{"2.5 kJ", "2.5kJ", "2.5 kj"}, "2.5 kJ", 2500},
		{quantity.Celsius, []string{"85 °C", "85C", "85 c", "85 degrees"}, "85 °C", 85},
	} {
		for _, typed := range c.typed {
			value, canonical, err := quantity.Read(typed, c.unit, "it")
			require.NoError(t, err, typed)
			assert.Equal(t, c.is, canonical, typed)
			assert.InEpsilon(t, c.value, value, 1e-12, typed)
			again, same, err := quantity.Read(canonical, c.unit, "it")
			require.NoError(t, err)
			assert.Equal(t, canonical, same)
			assert.InEpsilon(t, value, again, 1e-15)
		}
	}
	for typed, unit := range map[string]quantity.Unit{"5 mj": quantity.Joules, "300 m": quantity.Seconds, "40 Gb": quantity.Bytes, "100 Mb/s": quantity.BytesPerSecond, "1_000": quantity.Count, "1,5 s": quantity.Seconds, "8 rps": quantity.TokensPerSecond, "2 tok/s": quantity.PerSecond} {
		_, _, err := quantity.Read(typed, unit, "it")
		assert.Error(t, err, "%s could be something else", typed)
	}
}

func TestNumbers_decimalCommaIsNoGroup(t *testing.T) {
	t.Parallel()
	for typed, right := range map[string]string{"0,500 s": "write 0.5 s", "0,300 s": "write 0.3 s", "0,05 s": "write 0.05 s", "00,500s": "write 0.5s", "0,000 s": "write 0 s", "0,500,000 s": "", "01,500 s": ""} {
		_, _, err := quantity.Read(typed, quantity.Seconds, "TTFT")
		assert.ErrorContains(t, err, right, typed)
		_, err = quantity.Duration(typed)
		assert.ErrorContains(t, err, right, typed)
		_, err = quantity.Number(strings.TrimRight(typed, " s"))
		assert.ErrorContains(t, err, strings.TrimRight(right, " s"), typed)
	}
}

func TestDuration_readsWhatPeopleType(t *testing.T) {
	t.Parallel()
	for typed, is := range map[string]time.Duration{
		"30 seconds": 30 * time.Second, "30s": 30 * time.Second, "30 sec": 30 * time.Second, "1 second": time.Second, "300ms": 300 * time.Millisecond, "1.5 minutes": 90 * time.Second,
		"5 min": 5 * time.Minute, "2m": 2 * time.Minute, "1h": time.Hour, "1 hour and 30 minutes": 90 * time.Minute, "1m30s": 90 * time.Second, "1 h, 5 min": 65 * time.Minute, "1 Hour": time.Hour,
		"0 seconds": 0, "1,000 ms": time.Second, "1k seconds": 0,
	} {
		got, err := quantity.Duration(typed)
		if typed == "1k seconds" {
			assert.Error(t, err, "a time has units enough")
			continue
		}
		require.NoError(t, err, typed)
		assert.Equal(t, is, got, typed)
	}
	for typed, says := range map[string]string{"500m": "write 500 min or 500 ms", "soon": "no time", "": "no time", "5": "no time", "5 fortnights": `"fortnights" is no unit of time`, "-5 s": "negative", "5 s later": "no time"} {
		_, err := quantity.Duration(typed)
		assert.ErrorContains(t, err, says, typed)
	}
}

func TestNumber_thousandsAndMillions(t *testing.T) {
	t.Parallel()
	for typed, is := range map[string]float64{"8": 8, "7.5": 7.5, "1,000": 1000, "1k": 1000, "1.1k": 1100, "1K": 1000, "2M": 2e6, "1.5M": 1.5e6} {
		got, err := quantity.Number(typed)
		require.NoError(t, err, typed)
		assert.Equal(t, is, got, typed)
	}
	for _, typed := range []string{"2m", "k", "1kk", "1e3", "1,00", "ten", ""} {
		_, err := quantity.Number(typed)
		assert.ErrorContains(t, err, "no number", typed)
	}
}
