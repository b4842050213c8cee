package metric_test

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
)

// A metric is found by its name, and its source says what of a request it is.
func Example() {
	m, err := metric.Lookup("time to first answer")
	if err != nil {
		panic(err)
	}
	r := harness.NewRecord(0, 2*time.Second)
	r.Chunks, r.FirstAnswer, r.Done = []time.Duration{3 * time.Second, 5 * time.Second}, 5*time.Second, 6*time.Second
	value, has := m.PerRequest().Value(&r)
	fmt.Println(value, has, m.IsFromDue(), m.NeedsTokenCounts())

	_, err = metric.Lookup("TTFTs")
	fmt.Println(err)
	// Output:
	// 3 true true false
	// unknown metric "TTFTs"; did you mean "TTFT"?
}
