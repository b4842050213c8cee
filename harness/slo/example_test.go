package slo_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// A run of 1,000 requests with TTFTs of 1 to 1,000 ms is measured once and held against a row of
// a table of objectives.
func Example() {
	objective, err := slo.Parse("p50 TTFT", "at most 400 ms")
	if err != nil {
		panic(err)
	}
	window := measure.Of(runtest.Of(1000, nil))
	verdict := slo.Judge(window, []harness.Objective{objective})[0]
	fmt.Println(verdict.Outcome, verdict.Name(), "against", verdict.Expectation())

	_, err = slo.Parse("p50 TTFTs", "at most 400 ms")
	fmt.Println(err)
	// Output:
	// missed p50 TTFT against at most 400 ms
	// unknown metric "TTFTs"; did you mean "TTFT"?
}
