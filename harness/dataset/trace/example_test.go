package trace_test

import (
	"fmt"
	"testing/fstest"

	"github.com/vllmspec/vllmspec/harness/dataset/trace"
)

// A trace says when requests came, and how long they and their answers were.
func Example() {
	files := fstest.MapFS{"azure.csv": {Data: []byte("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.5,600,8\n2023-11-16 18:17:05,64,16\n")}}
	read, err := trace.Read(files, "azure.csv")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer read.Close()
	for _, request := range read.Requests {
		fmt.Println(request.At, request.Prompt, request.Answer)
	}
	// Output:
	// 0s 600 8
	// 1.5s 64 16
}
