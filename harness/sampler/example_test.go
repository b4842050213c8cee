package sampler_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/vllmspec/vllmspec/harness/sampler"
)

// A page of metrics is read; what it has under an old name comes under today's.
func ExamplePrometheus() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "# TYPE vllm:gpu_cache_usage_perc gauge\nvllm:gpu_cache_usage_perc{model_name=\"tiny\"} 0.25\n")
	}))
	defer server.Close()
	page := &sampler.Prometheus{URL: server.URL + "/metrics", HTTP: server.Client(), Source: "server"}
	readings, err := page.Read(context.Background())
	for _, r := range readings {
		fmt.Println(r.Source, r.Series, r.Value)
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// server vllm:kv_cache_usage_perc 0.25
}
