package slo

import (
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// A stretch is a part of the time of a request, as the server itself or else the
// client has it.
type stretch struct {
	statistic, metric string
	says              string // that it grew
}

// stretches are those of which a metric is made, by the server's own account.
func stretches(metric string) []stretch {
	queue := stretch{"mean", "queue time", "requests waited longer in the server's queue"}
	prefill := stretch{"mean", "prefill time", "prompts took longer to compute"}
	decode := stretch{"mean", "decode time", "answers took longer to decode"}
	switch metric {
	case "TTFT", "TTFT since sent", "time to first answer":
		return []stretch{queue, prefill}
	case "TPOT", "ITL", "ITL per token", "longest gap":
		return []stretch{decode}
	case "E2E latency", "E2E latency since sent", "request throughput", "output throughput", "attainment", "goodput":
		return []stretch{queue, prefill, decode}
	}
	return nil
}

// seenByUs are the stretches that a client sees of a metric, where the server tells nothing.
func seenByUs(metric string) []stretch {
	if len(stretches(metric)) == 3 {
		return []stretch{{"mean", "TTFT", "first tokens came later"}, {"mean", "TPOT", "tokens came more slowly"}}
	}
	return nil
}

// because says what of a request's time grew, and what the server told of its queue
// and its cache meanwhile.
func (c Compared) because() string {
	if c.Beside == nil || stretches(c.Metric) == nil {
		return "of " + notSeen
	}
	grown, told := c.grown(stretches(c.Metric))
	account := ", by the server's own account"
	if told == nil {
		grown, told = c.grown(seenByUs(c.Metric))
		account = ""
	}
	switch {
	case grown == "" && told == nil:
		return "of something that was not seen: one side or both do not tell where the time went in the server"
	case grown == "":
		return "of something outside of the server's engine: by its own account nothing took longer, " + strings.Join(told, ", ")
	}
	return grown + account + c.meanwhile()
}

// grown is the stretch that grew most, of those that did beyond chance, and how all of
// them that both sides have did.
func (c Compared) grown(of []stretch) (grown string, told []string) {
	most := 0.0
	for _, p := range of {
		base, now := c.Beside(harness.Objective{Statistic: p.statistic, Metric: p.metric})
		if len(base) == 0 || len(now) == 0 {
			continue
		}
		from, to := median(base), median(now)
		told = append(told, fmt.Sprintf("%s %s and %s", p.metric, FormatQuantity(to, Seconds), FormatQuantity(from, Seconds)))
		if rise := to - from; rise > most && stats.MannWhitney(base, now) <= 1-confidence {
			most, grown = rise, fmt.Sprintf("%s: %s on average instead of %s", p.says, FormatQuantity(to, Seconds), FormatQuantity(from, Seconds))
		}
	}
	return grown, told
}

// meanwhile are changes of the server's state beyond chance that make for more work.
func (c Compared) meanwhile() string {
	var seen []string
	for _, s := range []struct {
		statistic, metric string
		unit              Unit
		worse             float64 // 1: more of it
		says              string
	}{
		{"total", "preemptions", Count, 1, "preemptions"},
		{"", "prefix cache hit rate", Ratio, -1, "of prompt tokens found in its prefix cache"},
		{"mean", "waiting requests", Count, 1, "requests in its queue on average"},
		{"mean", "running requests", Count, 1, "requests in its batch on average"},
	} {
		base, now := c.Beside(harness.Objective{Statistic: s.statistic, Metric: s.metric})
		if len(base) == 0 || len(now) == 0 {
			continue
		}
		from, to := median(base), median(now)
		if s.worse*(to-from) > max(from, to)/10 && stats.MannWhitney(base, now) <= 1-confidence {
			seen = append(seen, fmt.Sprintf("%s instead of %s %s", FormatQuantity(to, s.unit), FormatQuantity(from, s.unit), s.says))
		}
	}
	if seen == nil {
		return ""
	}
	return ", with " + strings.Join(seen, " and ")
}
