package history_test

import (
	"context"
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness/history"
)

// A run is put twice, and is there once.
func Example() {
	ctx := context.Background()
	h, err := history.InMemory(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	run := &history.Run{ID: "1", Name: "run=20261201T120000Z-chat", Identity: history.Identity{Feature: "Assistants", Scenario: "Chat"}, Start: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC), Branch: "main",
		Figures: [][]history.Figure{{{Name: "p99-TTFT-sec", Value: 0.4}}}}
	err = h.Put(ctx, run, run)
	if err != nil {
		fmt.Println(err)
	}
	runs, err := h.Runs(ctx, history.Query{Scenario: "Chat", Branch: "main", All: true})
	for _, run := range runs {
		fmt.Println(run.Name, run.Figures[0][0].Value, err)
	}
	// Output:
	// run=20261201T120000Z-chat 0.4 <nil>
}
