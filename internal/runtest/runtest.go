package runtest

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// Request is one that was due at an instant and answered ttft later, with four
// tokens 10 ms apart.
func Request(seq int, due, ttft time.Duration) harness.Record {
	r := harness.NewRecord(seq, due)
	r.Sent, r.Headers = due, due
	for i := range 4 {
		r.Chunks = append(r.Chunks, due+ttft+time.Duration(i)*10*time.Millisecond)
	}
	r.Done, r.Finish, r.OutputTokens, r.PromptTokens = r.Chunks[3], "stop", 4, 16
	r.Good = true
	return r
}

// Failed is the request without an answer: its connection was refused.
func Failed(r harness.Record) harness.Record {
	r.Failure, r.Finish, r.Good, r.Chunks, r.OutputTokens = harness.Refused, "", false, nil, harness.Unreported
	return r
}

// Of is a run of n requests, one each 100 ms, with TTFTs of 1, 2, 3, … ms, but
// scattered over the run as those of independent requests are.
func Of(n int, change func(i int, r *harness.Record)) *harness.Run {
	records := make([]harness.Record, n)
	for i, at := range rand.New(rand.NewPCG(1, 1)).Perm(n) {
		r := Request(at, time.Duration(at)*100*time.Millisecond, time.Duration(i+1)*time.Millisecond)
		if change != nil {
			change(i, &r)
		}
		records[at] = r
	}
	to := time.Duration(n) * 100 * time.Millisecond
	return &harness.Run{To: to, Length: to, Records: slices.Values(records), Samples: slices.Values([]harness.Sample(nil))}
}

// Sample is a reading of one of the server's engines.
func Sample(at time.Duration, series string, engine string, v float64) harness.Sample {
	return harness.Sample{At: at, Reading: harness.Reading{Source: "server", Series: series, Labels: map[string]string{"engine": engine}, Value: v}}
}

// Counted is a reading of the server's: a series, and how much it has counted.
func Counted(at time.Duration, series string, v float64, labels ...string) harness.Sample {
	of := map[string]string{"engine": "0"}
	for i := 0; i < len(labels); i += 2 {
		of[labels[i]] = labels[i+1]
	}
	return harness.Sample{At: at, Reading: harness.Reading{Source: "server", Series: series, Labels: of, Value: v}}
}

// Server is what a server tells that has answered so many requests like [Request]
// since the run began, of some that it had answered before.
func Server(at time.Duration, requests float64) []harness.Sample {
	before := 1000.0
	return []harness.Sample{
		Counted(at, "vllm:request_success_total", before+requests, "finished_reason", "stop"),
		Counted(at, "vllm:request_success_total", 0, "finished_reason", "length"),
		Counted(at, "vllm:request_success_total", 5, "finished_reason", "abort"),
		Counted(at, "vllm:request_prompt_tokens_sum", 16*(before+requests)),
		Counted(at, "vllm:request_generation_tokens_sum", 4*(before+requests)),
		Counted(at, "vllm:time_to_first_token_seconds_sum", .05*(before+requests)),
		Counted(at, "vllm:time_to_first_token_seconds_count", before+requests),
	}
}
