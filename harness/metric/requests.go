package metric

import (
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// What each request has one value of, or several.
func ofRequests() []Metric {
	const sec, lower = quantity.Seconds, LowerIsBetter
	return []Metric{
		{Name: NameTTFT, Unit: sec, Better: lower, Source: TTFT(),
			Curve: []string{"p50", "p95", "p99"}, History: []string{"p50", "p99"},
			Formula: "time to first token: first content − due; an unanswered request counts as the worst"},
		{Name: NameITL, Unit: sec, Better: lower, Source: Gap{},
			Curve: []string{"p50", "p99"}, History: []string{"p95"},
			Formula: "gap between two successive chunks of content, over all whole answers; its interval counts requests, not gaps"},
		{Name: "ITL per token", Unit: sec, Better: lower, Source: Gap{PerToken: true},
			Formula: "gap between two successive chunks of content ÷ tokens in the second, once for each of them, where the server tells how many a chunk holds"},
		{Name: "time to first answer", Unit: sec, Better: lower, Source: Latency{From: DueAt, To: FirstAnswer},
			Formula: "first content that is not reasoning − due, of requests that have any"},
		{Name: NameTPOT, Unit: sec, Better: lower, Source: TPOT(),
			Curve: []string{"p50", "p95", "p99"}, History: []string{"p50", "p99"},
			Formula: "(last chunk − first chunk) ÷ (output tokens − 1), of each whole answer"},
		{Name: NameE2E, Unit: sec, Better: lower, Source: E2E(),
			Curve: []string{"mean", "p50", "p95", "p99"}, History: []string{"mean"},
			Formula: "end of the answer − due; an unanswered request counts as the worst"},
		{Name: "normalized latency", Unit: sec, Better: lower, Source: Latency{From: DueAt, To: DoneAt, Per: OutputToken},
			Formula: "(end of the answer − due) ÷ output tokens, of each whole answer, as the vLLM paper has it (Kwon et al. 2023, section 6.1)"},
		{Name: "E2E latency per input", Unit: sec, Better: lower, Source: Latency{From: DueAt, To: DoneAt, Per: Input},
			Formula: "(end of the answer − due) ÷ inputs, of each whole answer"},
		{Name: NameRealTimeFactor, Unit: quantity.Factor, Better: lower, Source: Latency{From: DueAt, To: DoneAt, Per: ClipSecond},
			Curve: []string{"p50", "p95", "p99"}, History: []string{"p50", "p99"},
			Formula: "(end of the transcript − due) ÷ length of its clip, of each whole transcript: below 1 it is faster than the clip plays"},
		{Name: NameLongestGap, Unit: sec, Better: lower, Source: LongestGap{},
			Formula: "longest gap between two chunks of one answer"},
		{Name: "TTFT since sent", Unit: sec, Better: lower, Source: Latency{From: SentAt, To: FirstChunk},
			Formula: "first content − sent: to compare with tools that count from there"},
		{Name: "E2E latency since sent", Unit: sec, Better: lower, Source: InFlight(),
			Formula: "end of the answer − sent: to compare with tools that count from there"},
		{Name: "lag", Unit: sec, Better: lower, Source: Lag(),
			Formula: "sent − due, without connecting: our own lateness"},
		{Name: NameReadDelay, Unit: sec, Better: lower, Source: ReadDelay(),
			Formula: "the longest that content of an answer lay in the kernel before we read it: our own slowness, which no latency contains"},
		{Name: "connecting", Unit: sec, Better: lower, Source: OwnTime{Of: func(r *harness.Record) time.Duration { return r.Connecting }, Column: "connecting_ns"},
			Formula: "name, connection and TLS, of requests that found no open connection; part of their TTFT"},
		{Name: "resolving", Unit: sec, Better: lower, Source: OwnTime{Of: func(r *harness.Record) time.Duration { return r.Resolving }, Column: "resolving_ns"},
			Formula: "of connecting, the look-up of the server's name"},
		{Name: "securing", Unit: sec, Better: lower, Source: OwnTime{Of: func(r *harness.Record) time.Duration { return r.Securing }, Column: "securing_ns"},
			Formula: "of connecting, the TLS handshake"},
		{Name: "inputs", Unit: quantity.Count, Source: RequestCount{Of: func(r *harness.Record) int { return r.Inputs }, Column: "inputs"},
			Formula: "texts of a request that are embedded, classified, scored or ranked"},
		{Name: "input tokens", Unit: quantity.Tokens, Source: RequestCount{Of: func(r *harness.Record) int { return r.PromptTokens }, Column: "prompt_tokens", ByServer: true},
			Formula: "prompt tokens of a request, as the server counted them"},
		{Name: "output tokens", Unit: quantity.Tokens, Source: AnswerLength(),
			Formula: "output tokens of a request, as the server counted them"},
		{Name: "chunks", Unit: quantity.Count, Source: RequestCount{Of: (*harness.Record).ChunkCount, Column: "len(chunk_ns)"},
			Formula: "chunks of content of an answer; one may hold several tokens"},
		{Name: "cached tokens", Unit: quantity.Tokens, Source: RequestCount{Of: func(r *harness.Record) int { return r.CachedTokens }, Column: "cached_tokens", ByServer: true},
			Formula: "prompt tokens of a request that the server found in its prefix cache, as it counted them"},
		{Name: "reasoning tokens", Unit: quantity.Tokens, Source: RequestCount{Of: func(r *harness.Record) int { return r.ReasoningTokens }, Column: "reasoning_tokens", ByServer: true},
			Formula: "output tokens of a request that were reasoning, as the server counted them"},
	}
}
