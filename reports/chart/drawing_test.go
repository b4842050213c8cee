package chart_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// Where the slowest requests alone have more tokens than are drawn one by one, the
// drawing goes on all the same, however long the run.
func TestDrawing_thatIsFullGoesOn(t *testing.T) {
	d := chart.NewDrawing(0, chart.Bounds{Requests: 100, Chunks: 10, Buckets: 10})
	for i := range 500 {
		due := time.Duration(i) * 100 * time.Millisecond
		r := harness.NewRecord(i, due)
		r.Sent, r.Done = due, due+time.Duration(i)*time.Millisecond+time.Second
		for j := range 50 {
			r.Chunks = append(r.Chunks, due+time.Duration(i+j)*time.Millisecond)
		}
		assert.NotPanics(t, func() { d.Record(&r) }, "request %d", i)
	}
}
