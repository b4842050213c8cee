package measure_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// A run of 1,000 requests with TTFTs of 1 to 1,000 ms is measured once and asked for a percentile.
func Example() {
	ttft, err := metric.Lookup("TTFT")
	if err != nil {
		panic(err)
	}
	window := measure.Of(runtest.Of(1000, nil))
	p90 := window.Estimate(ttft, "p90", true)
	fmt.Printf("%.3f s, n = %d, the true one above %.2f s\n", p90.Value, p90.N, p90.Lo)
	fmt.Println(window.Estimate(ttft, "max", true).Exact)
	// Output:
	// 0.900 s, n = 1000, the true one above 0.88 s
	// true
}
