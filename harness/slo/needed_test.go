package slo_test

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// An end of a share shrinks as 1/n: what is asked for is what decides.
func TestNeeded_howLongARunMustBe(t *testing.T) {
	for _, c := range []struct {
		subject, expectation string
		good                 func(i int) bool
	}{
		{"attainment", "at least 99%", func(int) bool { return true }},
		{"attainment", "at least 95%", func(i int) bool { return i%33 != 0 }},
		{"goodput", "at least 9.9 per second", func(int) bool { return true }},
		{"p95 TTFT", "at most 985 ms", nil},
		{"p50 TTFT", "at most 520 ms", nil},
		{"p99 TTFT", "at most 1 s", nil},
	} {
		run := func(n int) *harness.Run { // TTFT is spread evenly up to 900 ms, and neighbours have nothing in common
			r := rand.New(rand.NewPCG(3, uint64(n)))
			return runtest.Of(n, func(_ int, rec *harness.Record) {
				*rec = runtest.Request(rec.Seq, rec.Due, time.Duration(100+900*r.Float64())*time.Millisecond)
				rec.Good = c.good == nil || c.good(rec.Seq)
			})
		}
		first := judge(t, run(100), c.subject, c.expectation)
		if first.Outcome != slo.Unknown {
			continue // the seed decided
		}
		advised := regexp.MustCompile(`about ([\d,]+) more requests`).FindStringSubmatch(first.Notes[0])
		require.NotNil(t, advised, "%s %s: %v", c.subject, c.expectation, first.Notes)
		more, err := strconv.Atoi(strings.ReplaceAll(advised[1], ",", ""))
		require.NoError(t, err)
		decided, tooMuch := judge(t, run(100+2*more), c.subject, c.expectation), judge(t, run(100+more/10), c.subject, c.expectation)
		t.Logf("%s %s: %d more; %s after twice as many, %s after a tenth", c.subject, c.expectation, more, decided.Outcome, tooMuch.Outcome)
		assert.NotEqual(t, slo.Unknown, decided.Outcome, "%s %s: %v", c.subject, c.expectation, decided.Notes)
	}
}

func TestAMissedRow_AsksForNoMoreRequests(t *testing.T) {
	v := judge(t, runtest.Of(100, nil), "p99 TTFT", "at most 50 ms")
	require.Equal(t, slo.Missed, v.Outcome)
	assert.True(t, math.IsInf(v.Hi, 1))
	assert.NotContains(t, strings.Join(v.Notes, ";"), "more requests")
}
