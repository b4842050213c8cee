package store_test

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness/store"
)

// A run's folder is named by when it began and by its scenario.
func ExampleName() {
	name := store.Name(time.Date(2026, 5, 4, 12, 30, 0, 0, time.UTC), "Chats stay quick")
	fmt.Println(name, store.IsRun(name))
	// Output:
	// run=20260504T123000Z-chats-stay-quick true
}
