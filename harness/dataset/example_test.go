package dataset_test

import (
	"fmt"
	"math/rand/v2"
	"testing/fstest"

	"github.com/vllmspec/vllmspec/harness/dataset"
)

// A file's format is told by its ending and its first record.
func Example() {
	files := fstest.MapFS{"tasks.json": {Data: []byte(`[{"instruction": "Translate.", "input": "Guten Tag", "output": "Good day"}]`)}}
	d := &dataset.File{FS: files, Path: "tasks.json", MaxTokens: 32}
	defer d.Close()
	conversations, err := d.Conversations(rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d)
	for c := range conversations { // without end: each round in an order of its own
		fmt.Println(c.Turns[0].Messages[0].Content)
		break
	}
	// Output:
	// tasks.json, answers of at most 32 tokens
	// Translate.
	// Guten Tag
}
