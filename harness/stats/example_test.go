package stats_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/stats"
)

// How many independent samples a p99 needs before its interval has an upper end, and the interval
// of Clopper and Pearson of 98 good ones of 100.
func Example() {
	fmt.Println(stats.SamplesFor(.99, .95))
	low, high := stats.Share(98, 100, 100, .95)
	fmt.Printf("%.3f to %.3f\n", low, high)
	// Output:
	// 368
	// 0.930 to 0.998
}
