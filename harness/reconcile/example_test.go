package reconcile_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/reconcile"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// A server that counts more answers than the client has had other guests.
func Example() {
	run := runtest.Of(100, nil)
	run.Samples = slices.Values(append(runtest.Server(0, 0), runtest.Server(11*time.Second, 107)...))

	row, _ := reconcile.Parse("requests", "exactly")
	verdict := reconcile.Judge(ledger.Of(run), row)
	fmt.Println(verdict.Outcome, verdict.Notes)

	row, _ = reconcile.Parse("requests", "to within 10%")
	fmt.Println(reconcile.Judge(ledger.Of(run), row).Outcome)
	// Output:
	// missed [the client counts 100, the server 107]
	// met
}
