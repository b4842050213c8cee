package slo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/slo"
)

func TestALoadThatIsTooShort_SaysSoBefore(t *testing.T) {
	eight := arrival.Poisson{PerSecond: 8}
	for _, c := range []struct {
		subject, expectation string
		load                 harness.Load
		times                int
		says                 string
	}{
		{"p99 TTFT", "at most 500 ms", harness.Open{Arrivals: eight, For: 20 * time.Second}, 1,
			"p99 TTFT at most 500 ms: this load can miss it, but brings too few requests to meet it (some 80, and it takes 368 at least); let it run for 56 seconds or more"},
		{"p99 TTFT", "at most 500 ms", harness.Open{Arrivals: eight, For: 20 * time.Second}, 5, ""},
		{"p99 TTFT", "at least 5 s", harness.Open{Arrivals: eight, For: 20 * time.Second}, 1, ""},
		{"p50 TTFT", "at most 500 ms", harness.Open{Arrivals: eight, For: 20 * time.Second}, 1, ""},
		{"attainment", "at least 99%", harness.Closed{Users: 4, Requests: 100}, 1,
			"attainment at least 99%: this load can miss it, but brings too few requests to meet it (some 100, and it takes 368 at least); let it bring 368 requests or more"},
		{"attainment", "at least 99%", harness.Closed{Users: 4, For: time.Minute}, 1, ""},
		{"error rate", "none", harness.Closed{Users: 1, Requests: 1}, 1, ""},
	} {
		o, err := slo.Parse(c.subject, c.expectation)
		require.NoError(t, err)
		var want []string
		if c.says != "" {
			want = []string{c.says}
		}
		assert.Equal(t, want, slo.Outlook(harness.Scenario{Load: c.load, Warmup: 10 * time.Second, Objectives: []harness.Objective{o}}, c.times))
	}
}
