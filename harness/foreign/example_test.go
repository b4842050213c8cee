package foreign_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/foreign"
)

func ExampleRead() {
	results, err := foreign.Read([]string{"testdata/guidellm.json.gz"}, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range results {
		fmt.Println(r.By(), "of", r.Model, "at", r.Load, "has", r.Requests, "requests")
		fmt.Println(r.Unknown[0])
	}
	// Output:
	// GuideLLM 0.8.1 of llama-3.1-8b at 12 requests per second, constant has 48 requests
	// GuideLLM writes when the first and the last token of an answer came, and not those between: the gaps between its chunks are not known
}
