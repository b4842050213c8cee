package experiment_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/slo"
)

func TestExperiment_unmetRowsAreAllNamed(t *testing.T) {
	verdict := func(subject string, outcome slo.Outcome, notes ...string) slo.Verdict {
		return slo.Verdict{Objective: objective(t, subject, "at most 500 ms")[0], Value: math.NaN(), Outcome: outcome, Notes: notes}
	}
	met, missed, unknown := verdict("p50 TTFT", slo.Met), verdict("p99 TTFT", slo.Missed), verdict("p99 E2E latency", slo.Unknown, "there are too few", "of the last hour")
	missed.Where, unknown.Where = "x.feature:8", "x.feature:9"
	e := new(experiment.Session).New(planned(nil))
	assert.NoError(t, e.Unmet([]slo.Verdict{met}, false))
	assert.EqualError(t, e.Unmet([]slo.Verdict{met, missed, unknown}, false), `2 of 3 objectives are not met: 1 missed, 1 unknown
  missed: p99 TTFT is not known, against at most 500 ms (x.feature:8)
  unknown: p99 E2E latency is not known, against at most 500 ms; there are too few; of the last hour (x.feature:9)`)
	assert.ErrorContains(t, e.Unmet([]slo.Verdict{unknown}, false), "1 of 1 objectives are not met: 1 unknown")
	assert.ErrorContains(t, e.Unmet([]slo.Verdict{missed}, true), "1 of 1 objectives are not met: 1 missed")
}
