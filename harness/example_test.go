package harness_test

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// A record holds facts; figures are made of them. Latency counts from when the request was
// due, not from when the client sent it.
func ExampleRecord() {
	r := harness.NewRecord(0, 2*time.Second)
	r.Sent, r.Done = 2100*time.Millisecond, 5*time.Second
	r.Chunks, r.OutputTokens = []time.Duration{3 * time.Second, 4 * time.Second, 5 * time.Second}, 3
	fmt.Println(r.OK(), r.TTFT(), r.TPOT(), r.E2E(), r.Lag())
	// Output:
	// true 1s 1s 3s 100ms
}
