package slo_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// runReadAt is a run of 100 s whose server was read at some seconds of it, and was tried
// in vain at others.
func runReadAt(read func(second int) bool, tried func(second int) bool, has func(second int) bool) *harness.Run {
	run := runtest.Of(1000, nil)
	var samples []harness.Sample
	missing := 0.0
	for i := range 101 {
		at := time.Duration(i) * second
		samples = append(samples, harness.Sample{At: at, Reading: harness.Reading{Source: "client", Series: harness.SeriesInFlight}})
		if read(i) {
			samples = append(samples, runtest.Sample(at, "vllm:num_requests_waiting", "0", 1))
			if has(i) {
				samples = append(samples, runtest.Sample(at, "vllm:num_requests_running", "0", 1))
			}
		} else if tried(i) {
			missing++
		} else {
			continue
		}
		of := map[string]string{"of": "server"}
		samples = append(samples, harness.Sample{At: at, Reading: harness.Reading{Source: "watch", Series: harness.SeriesReading, Labels: of, Value: .1}},
			harness.Sample{At: at, Reading: harness.Reading{Source: "watch", Series: harness.SeriesMissing, Labels: of, Value: missing}})
	}
	run.Samples = slices.Values(samples)
	return run
}

func TestSampled_silentSourceIsUnknownByTime(t *testing.T) {
	always, never := func(int) bool { return true }, func(int) bool { return false }
	outside := func(from, to int) func(int) bool { return func(i int) bool { return i < from || i >= to } }
	at := func(seconds ...int) func(int) bool { return func(i int) bool { return slices.Contains(seconds, i) } }
	for name, test := range map[string]struct {
		read, tried, has func(int) bool
		says             string // "": the figure stands
	}{
		"always":                                     {always, never, always, ""},
		"few tries in a long silence":                {outside(20, 55), at(20, 22, 26, 34, 44), always, "the server was not read for 35 s of the 100 s that were measured, and what it did then is not known"},
		"many tries in a short one":                  {outside(20, 29), always, always, ""},
		"two tries in a silence that is long enough": {outside(40, 52), at(40, 42), always, "was not read for 12 s of the 100 s"},
		"at the beginning":                           {outside(0, 15), at(0, 2, 6), always, "was not read for 15 s of the 100 s"},
		"at the end":                                 {outside(80, 101), at(80, 82, 86, 94), always, "was not read for 20 s of the 100 s"},
		"several short ones":                         {func(i int) bool { return i%5 > 0 }, always, always, "was not read for 20 s"},
		"read seldom because that takes long":        {func(i int) bool { return i%8 == 0 }, never, always, ""},
		"a series that pages lack":                   {always, never, outside(30, 60), "only 71 of 101 readings of the server had vllm:num_requests_running, and what it was then is not known"},
		"a series that a page lacks":                 {always, never, outside(30, 31), ""},
	} {
		v := judge(t, runReadAt(test.read, test.tried, test.has), "max running requests", "at most 9")
		if test.says == "" {
			assert.Equal(t, slo.Met, v.Outcome, "%s: %q", name, v.Notes)
			continue
		}
		assert.Equal(t, slo.Unknown, v.Outcome, name)
		if assert.NotEmpty(t, v.Notes, name) {
			assert.Contains(t, v.Notes[0], test.says, name)
		}
	}
}
