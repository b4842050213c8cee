package diagnose_test

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// A run whose client sent every request half a second late.
func Example() {
	run := runtest.Of(100, func(i int, r *harness.Record) {
		r.Sent += time.Second / 2
		r.Headers += time.Second / 2
		for i := range r.Chunks {
			r.Chunks[i] += time.Second / 2
		}
		r.Done += time.Second / 2
	})
	window := measure.Of(run)
	fmt.Printf("%.2f s of %.2f s in the client\n", diagnose.TimesOf(window).All.Client, diagnose.TimesOf(window).All.Total())

	limit, _ := slo.Parse("p50 lag", "at most 100 ms")
	verdicts := slo.Judge(window, []harness.Objective{limit})
	diagnose.Explain(verdicts, window)
	fmt.Println(verdicts[0].Cause)
	// Output:
	// 0.50 s of 0.58 s in the client
	// p50 lag was missed because the client itself was late
}
