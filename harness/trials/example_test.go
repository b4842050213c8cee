package trials_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// One missed objective makes a run missed, and one that is unknown makes it unknown.
func Example() {
	fmt.Println(trials.Worst([]slo.Verdict{{Outcome: slo.Met}, {Outcome: slo.Unknown}}))
	fmt.Println(trials.Worst([]slo.Verdict{{Outcome: slo.Missed}, {Outcome: slo.Unknown}}))
	// Output:
	// unknown
	// missed
}
