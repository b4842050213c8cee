package slo_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/slo"
)

// TestParse_typedRowsAreTheCanonicalOnes holds that what people type is the row of the vocabulary in every part:
// verdicts, benchmark lines and baselines know a row by its text and its parts.
func TestParse_typedRowsAreTheCanonicalOnes(t *testing.T) {
	t.Parallel()
	count := 0
	for canonical, all := range map[string][]string{
		"p95 TTFT | at most 300 ms": {
			"p95 TTFT | < 300 ms", "p95 TTFT | <300ms", "p95 TTFT | <= 300 ms", "p95 TTFT | =< 300 ms", "p95 TTFT | ≤ 300 ms", "p95 TTFT | under 300 ms", "p95 TTFT | below 300ms", "p95 TTFT | less than 300 ms",
			"p95 TTFT | lower than 300 ms", "p95 TTFT | no more than 300 ms", "p95 TTFT | not more than 300 ms", "p95 TTFT | up to 300 ms", "p95 TTFT | within 300 ms", "p95 TTFT | max 300 ms", "p95 TTFT | maximum 300 ms",
			"p95 TTFT | At Most 300 MS", "p95 TTFT | must be at most 300 ms", "p95 TTFT | is under 300 milliseconds", "p95 TTFT | should stay below 300 ms", "P95 TTFT | at most 300 ms", "p95 ttft | at most 300 ms",
			"TTFT p95 | at most 300 ms", "TTFT P95 | at most 300 ms", "ttft_p95 | at most 300 ms", "p95_ttft | at most 300 ms", "ttft-p95 | at most 300 ms", "p95(TTFT) | at most 300 ms", "TTFT (p95) | at most 300 ms",
			"95th percentile TTFT | at most 300 ms", "95th percentile of TTFT | at most 300 ms", "the 95th percentile of the TTFT | at most 300 ms", "p95 of TTFT | at most 300 ms", "95% TTFT | at most 300 ms", "p95 time to first token | at most 300 ms",
			"p95 time-to-first-token | at most 300 ms", "time_to_first_token_p95 | at most 300 ms", "p95 first token latency | at most 300 ms", "p95 TTFT latency | at most 300 ms",
		},
		"p95 E2E latency | at most 2 s": {"p95 latency | at most 2 s", "latency p95 | < 2 sec", "p95 e2e | under 2 seconds", "p95 end-to-end latency | at most 2s", "p95 response time | ≤ 2 s", "p95 request latency | at most 2 second"},
		"p50 TPOT | at most 25 ms":      {"median TPOT | at most 25 ms", "Median tpot | < 25ms", "p50 time per output token | < 25 ms", "TPOT median | < 25 ms"},
		"mean ITL | at most 50 ms":      {"average ITL | at most 50 ms", "avg itl | under 50ms", "mean inter-token latency | < 50 ms", "itl_avg | < 50 ms", "mean time between tokens | at most 50 ms"},
		"max TTFT | at most 1 s":        {"maximum TTFT | at most 1 s", "worst TTFT | < 1s", "ttft max | < 1 s"},
		"error rate | at most 1%":       {"error rate | < 1 %", "Error Rate | under 1%", "error_rate | <= 1 percent", "errors | at most 1 per cent", "failure rate | < 1%"},
		"error rate | none":             {"error rate | zero", "errors | None", "error rate | no", "error rate | must be none"},
		"output throughput | at least 1,500 tokens per second": {"output throughput | >= 1500 tok/s", "output throughput | ≥ 1.5k tokens/s", "output throughput | over 1,500 tokens per second", "output throughput | > 1.5k tps", "token throughput | at least 1500 tokens per sec",
			"output throughput | no less than 1,500 tok/s", "output throughput | more than 1500 tok/sec", "output throughput | min 1500 tok/s"},
		"request throughput | at least 8 per second": {"request throughput | ≥ 8 req/s", "request throughput | > 8 rps", "request throughput | above 8 requests/s", "request throughput | at least 8 requests per second", "request-throughput | at least 8 RPS"},
		"requests | exactly 1,000":                   {"requests | exactly 1k", "requests | = 1000", "requests | == 1,000 requests", "requests | equal to 1000"},
		"request rate | between 4 and 6 per second":  {"request rate | between 4 and 6 req/s", "request rate | from 4 to 6 rps", "request rate | Between 4 and 6 requests per second"},
		"chat: p95 TTFT | at most 300 ms":            {"chat: TTFT p95 | < 300ms", "chat: ttft_p95 | under 300 ms"},
	} {
		subject, expectation, _ := strings.Cut(canonical, " | ")
		is, err := slo.Parse(subject, expectation)
		require.NoError(t, err, canonical)
		assert.Equal(t, subject+" "+expectation, is.Text)
		for _, typed := range all {
			subject, expectation, _ := strings.Cut(typed, " | ")
			o, err := slo.Parse(subject, expectation)
			require.NoError(t, err, typed)
			assert.Equal(t, is, o, typed)
			count++
		}
	}
	assert.Greater(t, count, 80)
}

func TestParseGood_typedRowsAreTheCanonicalOnes(t *testing.T) {
	t.Parallel()
	is, err := slo.ParseGood("E2E latency", "at most 10 s")
	require.NoError(t, err)
	for _, typed := range [][2]string{{"latency", "< 10s"}, {"e2e_latency", "under 10 seconds"}, {"end-to-end latency", "≤10 s"}} {
		o, err := slo.ParseGood(typed[0], typed[1])
		require.NoError(t, err)
		assert.Equal(t, is, o, typed)
	}
}

func TestSplitRow_findsWhereTheExpectationBegins(t *testing.T) {
	t.Parallel()
	for row, parts := range map[string][2]string{
		"p95 TTFT at most 300 ms": {"p95 TTFT", "at most 300 ms"}, "p99 itl under 50ms": {"p99 itl", "under 50ms"}, "ttft_p95 < 300ms": {"ttft_p95", "< 300ms"}, "ttft_p95<300ms": {"ttft_p95", "<300ms"},
		"error rate < 1 %": {"error rate", "< 1 %"}, "error rate none": {"error rate", "none"}, "p95 TTFT must be below 1 s": {"p95 TTFT", "must be below 1 s"}, "requests between 4 and 6": {"requests", "between 4 and 6"},
		"mean TTFT to within 10 ms": {"mean TTFT", "to within 10 ms"}, "p95 latency is at most 2 s": {"p95 latency", "is at most 2 s"}, "requests exactly 5": {"requests", "exactly 5"},
		"p99 time between tokens at most 50 ms": {"p99 time between tokens", "at most 50 ms"}, "time between tokens < 50 ms": {"time between tokens", "< 50 ms"}, "p99 time between tokens between 5 and 50 ms": {"p99 time between tokens", "between 5 and 50 ms"},
		`max "vllm:num_requests_waiting{engine=0}" at most 5`: {`max "vllm:num_requests_waiting{engine=0}"`, "at most 5"}, `max "vllm:x{engine="0"}" < 5`: {`max "vllm:x{engine="0"}"`, "< 5"}, "p99 TTFX is under 50 ms": {"p99 TTFX", "is under 50 ms"},
	} {
		subject, expectation, err := slo.SplitRow(row)
		require.NoError(t, err, row)
		assert.Equal(t, parts, [2]string{subject, expectation}, row)
	}
	for _, row := range []string{"p95 TTFT", "at most 300 ms", "", "the network to it takes 5 ms"} {
		_, _, err := slo.SplitRow(row)
		assert.ErrorContains(t, err, "no objective", row)
	}
}

func TestSplitLine_saysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for line, says := range map[string]string{
		"throughput at least 1500 tokens per second": `"throughput" could mean several metrics; write request throughput, or output throughput`,
		"p95 throughput at least 8 per second":       "could mean several metrics",
		"p95 TTFX at most 300 ms":                    `unknown metric "TTFX"`,
		"p95 TTFT at most 300":                       "has no unit",
		"p95 TTFT at most 0,300 s":                   "write 0.3 s",
		"hello there":                                `unknown metric "hello there"`,
	} {
		_, _, err := slo.SplitLine(line)
		assert.ErrorContains(t, err, says, line)
	}
	subject, expectation, err := slo.SplitLine("p99 time between tokens at most 50 ms")
	require.NoError(t, err)
	assert.Equal(t, []string{"p99 time between tokens", "at most 50 ms"}, []string{subject, expectation})
}

func TestParse_signsThatSayTheContrary(t *testing.T) {
	for _, c := range []struct{ subject, expectation, says string }{
		{"output throughput", "< 1500 tok/s", `"<": output throughput is better when it is higher; write | output throughput | at least 1,500 tokens per second |, or, if the contrary is meant, | output throughput | at most 1,500 tokens per second |`},
		{"goodput", "under 5 per second", `| goodput | at least 5 per second |`},
		{"p99 TTFT", "over 1 s", `"over": p99 TTFT is better when it is lower; write | p99 TTFT | at most 1 s |`},
		{"p99 TTFT", "at most 50m", `"m" is no unit of TTFT; did you mean 50 ms? Minutes are written 50 min`},
		{"p99 TTFT", "at most 1,500 s", `"1,500 s" could be 1.5 s or 1500 s; write one of these`},
	} {
		_, err := slo.Parse(c.subject, c.expectation)
		assert.ErrorContains(t, err, c.says)
	}
	for subject, expectation := range map[string]string{"output throughput": "at most 1,500 tokens per second", "error rate": "at least 10%", "p99 TTFT": "at most 1,500 ms", "max TTFT": "at most 1500 s", "mean waiting requests": "< 4.5"} {
		o, err := slo.Parse(subject, expectation)
		assert.NoError(t, err, subject)
		again, err := slo.Parse(o.Subject(), strings.TrimSpace(strings.TrimPrefix(o.Text, o.Subject())))
		assert.NoError(t, err, "what is stored can be read again")
		assert.Equal(t, o, again)
	}
}
