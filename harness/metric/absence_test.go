package metric_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness/metric"
)

func TestAbsence_ofOneReadingSaysThatARiseTakesTwo(t *testing.T) {
	usual := metric.UsualAbsence(metric.Server)
	assert.Equal(t, "the server's metrics were read, but do not have x", usual.Lacking("x", 2))
	assert.Equal(t, "the server's metrics were read, but do not have x, or only once in the measured window, and a rise takes two readings: make the load longer", usual.Lacking("x", 1))
	assert.Equal(t, "ask elsewhere", metric.Absence{Unread: "ask elsewhere"}.Lacking("x", 1))
}
