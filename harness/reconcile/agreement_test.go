package reconcile_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/reconcile"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// both is the ledger of a run of a hundred requests with a TTFT of 60 ms, by the
// server's own account of 50 ms.
func both(last []harness.Sample, change func(i int, r *harness.Record)) *ledger.Ledger {
	run := runtest.Of(100, func(i int, r *harness.Record) {
		*r = runtest.Request(i, time.Duration(i)*100*time.Millisecond, 60*time.Millisecond)
		if change != nil {
			change(i, r)
		}
	})
	run.Samples = slices.Values(append(runtest.Server(0, 0), last...))
	return ledger.Of(run)
}

func row(t *testing.T, a *ledger.Ledger, subject, expectation string) slo.Verdict {
	t.Helper()
	o, err := reconcile.Parse(subject, expectation)
	require.NoError(t, err)
	return reconcile.Judge(a, o)
}

func TestLedgers_thatAreHonestAgree(t *testing.T) {
	a := both(runtest.Server(11*time.Second, 100), nil)
	for _, subject := range []string{"requests", "prompt tokens", "output tokens", "answers ended by stop", "answers ended by length"} {
		v := row(t, a, subject, "exactly")
		assert.Equal(t, slo.Met, v.Outcome, "%s: %v", subject, v.Notes)
		assert.Empty(t, v.Cause)
	}
	assert.Equal(t, slo.Met, row(t, a, "mean TTFT", "to within 10 ms").Outcome)
	v := row(t, a, "mean TTFT", "to within 9 ms")
	assert.Equal(t, slo.Missed, v.Outcome)
	assert.InDelta(t, .010, v.Value, 1e-9)
	assert.Contains(t, v.Cause.Reason(), "10 ms lie between client and server")
	assert.Equal(t, slo.Met, row(t, a, "mean TTFT", "to within 20%").Outcome, "of the server's 50 ms")
	assert.Equal(t, slo.Missed, row(t, a, "mean TTFT", "to within 19%").Outcome)
}

func TestDifference_saysWhereItProbablyComesFrom(t *testing.T) {
	lost := func(i int, r *harness.Record) {
		if i < 3 {
			r.Failure, r.Finish = harness.Reset, ""
		}
	}
	noUsage := func(i int, r *harness.Record) {
		if i < 2 {
			r.PromptTokens, r.OutputTokens = harness.Unreported, harness.Unreported
		}
	}
	double := func(_ int, r *harness.Record) { r.OutputTokens *= 2 }
	anew := append(runtest.Server(5*time.Second, 40), runtest.Counted(11*time.Second, "vllm:request_success_total", 50, "finished_reason", "stop"))
	for _, c := range []struct {
		says    string
		last    []harness.Sample
		change  func(int, *harness.Record)
		subject string
	}{
		{"7 requests that the client did not ask for", runtest.Server(11*time.Second, 107), nil, "requests"},
		{"counts each of them twice", runtest.Server(11*time.Second, 200), nil, "requests"},
		{"1 request were answered that the server does not count", runtest.Server(11*time.Second, 99), nil, "requests"},
		{"3 answers that did not come whole to the client, which counts 3 cut off", runtest.Server(11*time.Second, 100), lost, "requests"},
		{"do not agree on the requests either", runtest.Server(11*time.Second, 107), nil, "output tokens"},
		{"2 answers came without usage", runtest.Server(11*time.Second, 100), noUsage, "output tokens"},
		{"comes to 200 % of what the server's metrics count", runtest.Server(11*time.Second, 100), double, "output tokens"},
		{"began again during the run", anew, lost, "requests"},
		{"come from several servers behind one address", anew, nil, "requests"},
	} {
		v := row(t, both(c.last, c.change), c.subject, "exactly")
		assert.Equal(t, slo.Missed, v.Outcome, c.says)
		assert.Contains(t, v.Cause.String(), "client and server do not agree on "+c.subject+" because ")
		assert.Contains(t, v.Cause.Reason(), c.says)
	}
}

func TestAgreement_withWhatWasNotReadIsUnknown(t *testing.T) {
	unknown := func(a *ledger.Ledger, subject, says string) {
		t.Helper()
		v := row(t, a, subject, "exactly")
		assert.Equal(t, slo.Unknown, v.Outcome)
		assert.Contains(t, v.Cause.String(), says)
	}
	unknown(both(runtest.Server(5*time.Second, 50), nil), "requests", "a scrape was missed: the server's metrics were read last at 5 s")
	unknown(both(runtest.Server(11*time.Second, 100), func(_ int, r *harness.Record) { r.OutputTokens = harness.Unreported }), "output tokens", "reported no token counts")
	unknown(both(runtest.Server(11*time.Second, 100), nil), "HTTP errors", "do not tell")
	unknown(ledger.Of(runtest.Of(10, nil)), "requests", "could not be read")
	late := runtest.Of(10, nil)
	late.Samples = slices.Values(runtest.Server(2*time.Second, 0))
	unknown(ledger.Of(late), "requests", "not read before the load")
}

func TestParse_readsRowsAsTheyAreMeant(t *testing.T) {
	o, err := reconcile.Parse("Output Tokens", "to within 1%")
	require.NoError(t, err)
	assert.Equal(t, .01, o.Limit)
	assert.Equal(t, "disagreement on output tokens at most 1%", o.Text)
	for row, says := range map[[2]string]string{
		{"request", "exactly"}:            `did you mean "requests"`,
		{"requests", "exactly 5"}:         `did you mean "exactly"`,
		{"mean TTFT", "exactly"}:          "to within 10 ms",
		{"mean TTFT", "to within 10"}:     "has no unit",
		{"requests", "to within 10 ms"}:   "is no unit of requests",
		{"mean TTFT", "to within -10 ms"}: "cannot be negative",
		{"p99 TTFT", "to within 10 ms"}:   "they count requests, prompt tokens",
		{"output tokens", "at most 10%"}:  "how far client and server may differ",
	} {
		_, err := reconcile.Parse(row[0], row[1])
		assert.ErrorContains(t, err, says, "%v", row)
	}
}

func TestAgreement_survivesItsFile(t *testing.T) {
	a := reconcile.Agreements(both(runtest.Server(11*time.Second, 107), nil))
	raw, err := json.Marshal(a)
	require.NoError(t, err)
	var back []harness.Agreement
	require.NoError(t, json.Unmarshal(raw, &back))
	assert.Equal(t, a, back)
	assert.Equal(t, "requests: the client counts 100, the server 107; the server finished 7 requests that the client did not ask for: others use it meanwhile, or a proxy sends requests again", reconcile.Sentence(a[0]))
	assert.Nil(t, a[5].Server, "HTTP errors are not told")
	assert.Equal(t, slo.Met, a[6].Outcome, "10 ms between two means are nothing to warn of")
}

func TestAgreement_ofSeveralRunsIsTheWorst(t *testing.T) {
	o, err := reconcile.Parse("requests", "exactly")
	require.NoError(t, err)
	v := reconcile.JudgeWorst(o, []*ledger.Ledger{both(runtest.Server(11*time.Second, 100), nil), both(runtest.Server(11*time.Second, 107), nil), both(runtest.Server(11*time.Second, 101), nil)})
	assert.Equal(t, slo.Missed, v.Outcome)
	assert.Equal(t, 7.0, v.Value)
}

// TestDifference_ofARunThatIsWatched has the readings come among the records, as they do
// while a run goes on.
func TestDifference_ofARunThatIsWatched(t *testing.T) {
	a := ledger.New()
	take := func(samples []harness.Sample) {
		for _, s := range samples {
			require.NoError(t, a.Sample(s))
		}
	}
	take(runtest.Server(0, 0))
	for i := range 100 {
		if i == 50 {
			take(runtest.Server(5*time.Second, -960))
		}
		require.NoError(t, a.Record(runtest.Request(i, time.Duration(i)*100*time.Millisecond, 50*time.Millisecond)))
	}
	take(runtest.Server(11*time.Second, -950))
	v := row(t, a, "requests", "exactly")
	assert.Equal(t, slo.Missed, v.Outcome)
	assert.Contains(t, v.Cause.Reason(), "come from several servers behind one address")
}
