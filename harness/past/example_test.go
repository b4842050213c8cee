package past_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/history"
	"github.com/vllmspec/vllmspec/harness/past"
)

// The last runs of a scenario on a branch, as a history has them.
func Example() {
	ask := func(q history.Query) ([]*history.Run, error) {
		fmt.Printf("the last %d of %q on %q\n", q.Last, q.Scenario, q.Branch)
		return []*history.Run{{Name: "run=20261201T120000Z-chat", Labels: map[string]string{"model": "llama"}, Figures: [][]history.Figure{{{Name: "p99-TTFT-sec", Value: 0.4}}}}}, nil
	}
	runs, err := past.Last{Runs: 10, Branch: "main"}.Find(past.Scenario{Name: "Chat", Identity: history.Identity{Feature: "Assistants", Scenario: "Chat"}, Ask: ask})
	fmt.Println(runs.Name, runs.Base.Runs(), err)
	// Output:
	// the last 10 of "Chat" on "main"
	// the last 10 runs on the branch "main" 1 <nil>
}
