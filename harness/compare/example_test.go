package compare_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// Six runs now against six runs of the baseline: p99 TTFT, in seconds, of each.
func Example() {
	row, err := compare.Parse("p99 TTFT", "at most 5% worse")
	if err != nil {
		panic(err)
	}
	verdicts := compare.Judge([]compare.Row{{
		Objective: row, Against: slo.AgainstBaseline,
		Base: []float64{.410, .415, .409, .412, .418, .411},
		Now:  []float64{.451, .462, .449, .455, .470, .458},
	}})
	fmt.Println(verdicts[0].Sentence())
	fmt.Println(verdicts[0].Notes[0])
	// Output:
	// missed: p99 TTFT was 110.6 % of the baseline [109, 113], n = 12, against at most 5% worse
	// medians 457 ms and, of the baseline, 412 ms, of 6 and 6 runs; p = 0.0022 (Mann and Whitney, two-sided)
}
