package sql_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/reports/sql"
)

// TestSQL_fewMetricsHaveNoQuery names them: a new metric has one, or stands here with a reason.
func TestSQL_fewMetricsHaveNoQuery(t *testing.T) {
	var without []string
	for _, m := range metric.Metrics() {
		if sql.Objective(harness.Objective{Statistic: "mean", Metric: m.Name}, 0, time.Minute) == "" {
			without = append(without, m.Name)
		}
	}
	assert.Equal(t, []string{"GPU energy", "energy per output token", "energy per good request"}, without, "their counters are interpolated at both ends of the window")
	percentile := harness.Objective{Statistic: "p99", Metric: "queue time"}
	assert.Empty(t, sql.Objective(percentile, 0, time.Minute), "of a histogram only the bucket is known")
}

func TestSQL_quoteInAClassStaysInIt(t *testing.T) {
	assert.Contains(t, sql.Objective(harness.Objective{Metric: "requests", Class: "o'neill"}, 0, time.Minute), "class = 'o''neill'")
}
