package ledger_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// The client had ten answers, and by its own counters the server finished twelve.
func Example() {
	run := runtest.Of(10, nil)
	run.Samples = slices.Values(slices.Concat(runtest.Server(0, 0), runtest.Server(10*time.Second, 12)))
	l := ledger.Of(run)
	fmt.Println(l.Client.Answered, l.Finished(), l.NotItsOwn() != "")
	// Output: 10 12 true
}
