package chart_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// A drawing takes requests as they come, and gives what the charts draw.
func Example() {
	var records []harness.Record
	for i := range 20 {
		due := time.Duration(i) * 100 * time.Millisecond
		r := harness.NewRecord(i, due)
		r.Sent, r.Done, r.OutputTokens = due, due+50*time.Millisecond, 1
		r.Chunks = []time.Duration{due + 20*time.Millisecond}
		records = append(records, r)
	}
	run := &harness.Run{Length: 2 * time.Second, To: 2 * time.Second, Records: slices.Values(records), Samples: func(func(harness.Sample) bool) {}}
	d := chart.NewDrawing(run.Requests, chart.Full())
	run.Each(d)
	data := d.Data(run, measure.Of(run), nil)
	fmt.Println(data.Requests.N, data.Story.Metric, data.Offered.V)
	// Output:
	// 20 TTFT [10 10]
}
