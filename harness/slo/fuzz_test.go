package slo_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/reconcile"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// TestCause_readsBackInItsParts is for stored runs, which hold the sentences of causes.
func TestCause_readsBackInItsParts(t *testing.T) {
	row, err := slo.Parse("p99 TTFT", "at most 500 ms")
	require.NoError(t, err)
	missed, unknown := slo.Verdict{Objective: row, Outcome: slo.Missed}, slo.Verdict{Objective: row, Outcome: slo.Unknown}
	for _, c := range []struct {
		verdict slo.Verdict
		cause   slo.Cause
	}{
		{missed, slo.Cause{}},
		{missed, slo.NotSeen().Explains(missed.WasMissed())},
		{missed, slo.Cause{Claim: missed.WasMissed(), Summary: "requests waited in the server's queue, 2.1 s on average of those that were too slow", Evidence: ": its batch was full; 128 ran at once (of 128)"}},
		{missed, slo.Cause{Claim: missed.WasMissed(), Summary: "it took 2 s until the headers came", Evidence: "; its metrics do not tell whether in its queue or in computing"}},
		{missed, slo.Cause{Claim: missed.WasMissed(), Summary: "the client itself was late", Evidence: " (its container's CPU limit held it for 40 % of the time)"}},
		{missed, slo.Cause{Claim: missed.WasMissed(), Summary: "it is not as much better as was asked for, which is no fault"}},
		{missed, slo.Cause{Claim: "client and server do not agree on requests", Summary: "the server counts each of them twice", Evidence: ": something between them sends every request again, because it may"}},
		{unknown, slo.Cause{Claim: "whether client and server agree on requests is not known", Summary: "no page was read: it does not answer"}},
		{unknown, slo.Cause{Claim: unknown.IsNotKnown(), Summary: "the client sent only 50 % of the due requests: lower the rate"}},
		{missed, slo.Cause{Summary: "a version of last year wrote no claim", Evidence: ": but evidence"}},
	} {
		c.verdict.Cause = c.cause
		raw, err := json.Marshal(c.verdict)
		require.NoError(t, err)
		var back slo.Verdict
		require.NoError(t, json.Unmarshal(raw, &back))
		require.Equal(t, c.cause, back.Cause, c.cause.String())
	}
}

// FuzzRows holds the readers of a table's rows to what every judge relies on: limits are numbers in
// their order, more white space makes no difference, and what is written of a row is read as it was.
func FuzzRows(f *testing.F) {
	for _, row := range [][2]string{{"p99 TTFT", "at most 500 ms"}, {"chat: p95 ITL", "at most 40 ms"}, {"error rate", "none"}, {"mean input tokens", "between 256 and 512"}, {"request rate", "between 4 and 6 per second"},
		{`max "vllm:num_requests_running{engine=0}"`, "at most 5"}, {"TTFT", "at most 1 s"}, {"requests", "exactly"}, {"mean TTFT", "to within 10 ms"}, {"p50 TPOT", "at most 3% worse"}, {"output throughput", "at least 1e3 tokens per second"},
		{"p99.99 TTFT", "at most NaN ms"}, {"max GPU temperature", "at most 85 °C"}, {"energy per output token", "at most 2 J"}, {"attainment", "at least 99.5 %"}} {
		f.Add(row[0], row[1])
	}
	parsers := map[string]func(string, string) (harness.Objective, error){"objective": slo.Parse, "good": slo.ParseGood, "agreement": reconcile.Parse, "comparison": compare.Parse}
	f.Fuzz(func(t *testing.T, subject, expectation string) {
		subject, expectation = strings.ToValidUTF8(subject, "?"), strings.ToValidUTF8(expectation, "?") // as the text of features is
		for name, parse := range parsers {
			o, err := parse(subject, expectation)
			if err != nil {
				require.NotEmpty(t, err.Error())
				continue
			}
			for _, limit := range []float64{o.Limit, o.Upper} {
				require.False(t, math.IsNaN(limit) || math.IsInf(limit, 0), "%s: %q %q: %v", name, subject, expectation, limit)
			}
			if o.Relation == harness.Between {
				require.LessOrEqual(t, o.Limit, o.Upper)
			}
			require.NotEmpty(t, o.Metric)
			raw, err := json.Marshal(o)
			require.NoError(t, err)
			var read harness.Objective
			require.NoError(t, json.Unmarshal(raw, &read))
			again, err := json.Marshal(read)
			require.NoError(t, err)
			require.Equal(t, string(raw), string(again))
			wide, err := parse(subject, "  "+strings.Join(strings.Fields(expectation), "   ")+" ")
			require.NoError(t, err, "%s: %q %q", name, subject, expectation)
			require.Equal(t, o.Limit, wide.Limit)
		}
	})
}

// FuzzVerdicts holds that a verdict of verdicts.json is written as it was read.
func FuzzVerdicts(f *testing.F) {
	for _, seed := range []string{`{"text":"p99 TTFT at most 1 s","unit":"s","value":0.5,"interval":[0.4,null],"n":10,"outcome":"met","notes":[]}`, `{"n":0,"value":null,"interval":[null,null]}`,
		`{"n":5,"value":null,"interval":[null,null],"outcome":"missed","n_effective":3,"lasting":"met","cause":"x"}`, `{"n":-1}`, `{"interval":[1]}`, `{"value":1e308}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var v slo.Verdict
		if json.Unmarshal(raw, &v) != nil {
			return
		}
		once, err := json.Marshal(v)
		require.NoError(t, err)
		var read slo.Verdict
		require.NoError(t, json.Unmarshal(once, &read))
		twice, err := json.Marshal(read)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
		if v.N == 0 {
			require.False(t, math.IsInf(v.Value, 0), "there is no value")
		}
	})
}
