package foreign_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/foreign"
)

// holds is that a file is refused in words that name it, or gives records that a run can hold.
func holds(f *testing.F, tool foreign.Tool) {
	f.Fuzz(func(t *testing.T, text []byte) {
		path := written(t, "fuzz.json", string(text))
		all, err := foreign.Read([]string{path}, tool)
		if err != nil {
			require.Contains(t, err.Error(), path)
			return
		}
		for _, r := range all {
			n := 0
			for record, err := range r.Records() {
				if err != nil {
					require.Contains(t, err.Error(), path)
					break
				}
				n++
				for _, at := range append([]time.Duration{record.Due, record.Sent, record.Headers, record.Done, record.FirstAnswer}, record.Chunks...) {
					require.GreaterOrEqual(t, at, harness.NoTime)
					require.LessOrEqual(t, at, 70*24*time.Hour)
				}
				require.True(t, record.Seq >= 0 && record.Seq < r.Requests)
			}
			require.LessOrEqual(t, n, r.Requests)
		}
	})
}

func FuzzVLLMBench(f *testing.F) {
	for _, fields := range []string{"", `"ttfts": [NaN, 0]`, `"itls": [[], [-Infinity]]`, `"start_times": [1e300, -1]`, `"errors": null`, `"duration": null`} {
		f.Add([]byte(bench(fields)))
	}
	holds(f, foreign.VLLMBench)
}

func FuzzGuideLLM(f *testing.F) {
	for _, timings := range []string{"", `"request_start": 100, "request_end": 101`, `"request_start": 100, "request_end": 101, "first_token_iteration": 99`, `"targeted_start": 99, "request_start": 1e300, "request_end": null`} {
		f.Add([]byte(guide("constant", timings)))
	}
	f.Add([]byte(`{"benchmarks": [{"requests": {"successful": null}}]}`))
	f.Add([]byte(`{"benchmarks": [null]}`))
	holds(f, foreign.GuideLLM)
}

func FuzzAIPerf(f *testing.F) {
	for _, line := range []string{`{"metadata": {"request_start_ns": 1, "request_end_ns": 9}, "metrics": {"time_to_first_token": {"value": 1, "unit": "ms"}, "inter_chunk_latency": {"value": [1, 2], "unit": "ms"}}}`,
		`{"metadata": {"request_start_ns": -9223372036854775808, "request_end_ns": 9223372036854775807}, "metrics": {}, "error": {}}`, `{"metadata": {"request_start_ns": 1}, "metrics": null}`} {
		f.Add([]byte(line + "\n" + line))
	}
	holds(f, foreign.AIPerf)
}

func FuzzK6(f *testing.F) {
	f.Add([]byte(asked(`"status":"200"`, 0) + asked(`"status":"0"`, 1)))
	f.Add([]byte(point("http_reqs", 1, "") + point("http_req_duration", -5, "")))
	f.Add([]byte(`{"type":"Point","data":{"time":"0001-01-01T00:00:00Z"},"metric":"http_reqs"}`))
	holds(f, foreign.K6)
}
