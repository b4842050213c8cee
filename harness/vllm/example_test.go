package vllm_test

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/vllm"
)

func Example() {
	fmt.Println(vllm.CurrentSeries("vllm:gpu_cache_usage_perc"))
	fmt.Println(vllm.RemovedSeries("vllm:num_requests_swapped"))
	// Output:
	// vllm:kv_cache_usage_perc
	// vLLM has it no more: it preempts and computes again, and swaps nothing; ask for preemptions
}
