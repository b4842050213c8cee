package metric

import (
	"fmt"
	"strings"
)

// otherNames are what people call metrics of the catalogue, in lower case with blanks, where it means one of
// them only.
func otherNames() map[string]string {
	return map[string]string{
		"latency": "E2E latency", "e2e": "E2E latency", "e2el": "E2E latency", "end to end latency": "E2E latency", "end to end": "E2E latency", "request latency": "E2E latency", "total latency": "E2E latency", "response time": "E2E latency",
		"time to first token": "TTFT", "first token latency": "TTFT", "ttft latency": "TTFT",
		"inter token latency": "ITL", "intertoken latency": "ITL", "itl latency": "ITL", "time between tokens": "ITL", "tbt": "ITL",
		"time per output token": "TPOT", "tpot latency": "TPOT",
		"errors": "error rate", "error ratio": "error rate", "failure rate": "error rate",
		"token throughput": "output throughput", "output token throughput": "output throughput", "generation throughput": "output throughput",
		"kv cache": "KV cache usage", "queue length": "waiting requests", "queue depth": "waiting requests", "prompt tokens": "input tokens",
	}
}

// manyMeanings are names that could mean several metrics, with what would be right.
func manyMeanings() map[string]string {
	return map[string]string{
		"throughput":          "write request throughput, or output throughput",
		"tps":                 "write output throughput, which is in tokens per second",
		"tokens per second":   "write output throughput, which is in tokens per second",
		"rps":                 "write request throughput, or request rate",
		"requests per second": "write request throughput, or request rate",
		"success rate":        "write its contrary: | error rate | at most 1% |",
		"availability":        "write: | error rate | at most 1% |",
		"time":                "write E2E latency, or TTFT",
	}
}

// spelled is a name as people vary it: in any case, with - or _ for blanks.
func spelled(name string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("-", " ", "_", " ").Replace(strings.ToLower(name))), " ")
}

// ambiguous is the error for a name that could mean several metrics; nil for another one.
func ambiguous(name string) error {
	if right, is := manyMeanings()[spelled(name)]; is {
		return fmt.Errorf("%q could mean several metrics; %s", name, right)
	}
	return nil
}
