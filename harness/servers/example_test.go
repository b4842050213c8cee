package servers_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/servers"
)

// A server is recognised by what it says of its models, and its metrics are read by vLLM's names.
func Example() {
	software := servers.Recognise(servers.Seen{Owners: []string{"sglang"}})
	fmt.Println(software.Name, software.EmptyCache)
	page := []servers.Sample{{Name: "sglang:token_usage", Value: 0.28}, {Name: "sglang:gen_throughput", Value: 86}}
	table := servers.NewTranslator()
	for _, s := range table.Translate(table.Of(page), page) {
		fmt.Println(s.Name, s.Value)
	}
	// Output:
	// SGLang /flush_cache
	// vllm:kv_cache_usage_perc 0.28
}
