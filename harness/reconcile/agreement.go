package reconcile

import (
	"fmt"
	"math"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// A pair is one figure as the client and as the server count it; NaN where one of them
// does not report it.
type pair struct {
	figure
	client, server float64
	n              int // requests that the client's figure rests on
	outcome        slo.Outcome
	cause          slo.Cause
}

// difference is the server's figure less the client's.
func (p pair) difference() float64 { return p.server - p.client }

// stored is the pair as a manifest has it.
func (p pair) stored() harness.Agreement {
	number := func(f float64) *float64 {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil
		}
		return &f
	}
	return harness.Agreement{Name: p.name, Unit: string(p.unit), Client: number(p.client), Server: number(p.server), N: p.n, Outcome: p.outcome, Cause: p.cause.Reason()}
}

// Sentence is a row in one line: "requests: the client counts 480, the
// server 504; …".
func Sentence(a harness.Agreement) string {
	count := func(f *float64) string {
		if f == nil {
			return "none"
		}
		return quantity.Format(*f, quantity.Unit(a.Unit))
	}
	s := fmt.Sprintf("%s: the client counts %s, the server %s", a.Name, count(a.Client), count(a.Server))
	if a.Cause != "" {
		s += "; " + a.Cause
	}
	return s
}

// A kind of figure has one way to explain a difference.
type kind int

const (
	requests     kind = iota
	tokens            // of all answers
	ends              // answers that ended for one reason
	httpErrors        //
	firstTokens       // a mean time until they came
	wholeAnswers      // a mean time until they had come
)

// isTime reports whether a figure is a mean of times: two clocks never agree exactly.
func (f figure) isTime() bool { return f.unit == quantity.Seconds }

// means reports whether both count a figure of such answers. A server counts each input that is pooled as a
// request, so that its mean time is of other requests than the client's. Of clips vLLM's usage counts what they
// become in the model, and its metrics only what stands beside them.
func (f figure) means(a harness.Answers) bool {
	switch {
	case f.kind == firstTokens:
		return a.Streams()
	case f.kind == ends && a == harness.TranscriptsAtOnce, f.name == promptTokens && a.Transcribes():
		return false
	case f.name == outputTokens:
		return a.CountsTokens()
	case f.kind == wholeAnswers, f.name == endedByLength:
		return a.Generates()
	}
	return true
}

// The figures of what is generated.
const (
	promptTokens  = "prompt tokens"
	outputTokens  = "output tokens"
	endedByLength = endedBy + "length"
	endedBy       = "answers ended by "
)

// CheckMeaning refuses a row about a figure that client and server do not both have over an interface.
func CheckMeaning(o harness.Objective, over harness.Interface) error {
	e, err := expectationOf(o)
	if err != nil || e.means(over.Answers) {
		return err
	}
	var names []string
	for _, f := range figures() {
		if f.means(over.Answers) {
			names = append(names, f.name)
		}
	}
	return fmt.Errorf("client and server do not both have %s over %q; they have %s", e.name, over.Name, strings.Join(names, ", "))
}

// A figure is one that client and server both count.
type figure struct {
	kind   kind
	name   string // as rows and manifests have it
	unit   quantity.Unit
	client func(*ledger.Ledger) (value float64, n int)
	server func(*ledger.Ledger) float64
}

// figures are all that both count.
func figures() []figure {
	ended := func(reason string) figure {
		return figure{ends, endedBy + reason, quantity.Count,
			func(a *ledger.Ledger) (float64, int) { return float64(a.Client.ByFinish[reason]), a.Client.Answered },
			func(a *ledger.Ledger) float64 { return a.Rise(ledger.SeriesFinished + " " + reason) }}
	}
	return []figure{
		{requests, "requests", quantity.Count,
			func(a *ledger.Ledger) (float64, int) { return float64(a.Client.Answered), a.Client.Answered }, (*ledger.Ledger).Finished},
		{tokens, promptTokens, quantity.Tokens,
			func(a *ledger.Ledger) (float64, int) { return tokensOf(a, a.Client.Prompt) },
			func(a *ledger.Ledger) float64 { return a.Rise(ledger.SeriesPrompts) }},
		{tokens, outputTokens, quantity.Tokens,
			func(a *ledger.Ledger) (float64, int) { return tokensOf(a, a.Client.Output) },
			func(a *ledger.Ledger) float64 { return a.Rise(ledger.SeriesOutputs) }},
		ended("stop"), ended("length"),
		{httpErrors, "HTTP errors", quantity.Count,
			func(a *ledger.Ledger) (float64, int) { return float64(a.Client.HTTPErrors), a.Client.Asked }, (*ledger.Ledger).HTTPErrors},
		{firstTokens, "mean TTFT", quantity.Seconds,
			func(a *ledger.Ledger) (float64, int) { return a.Client.TTFT.Mean(), a.Client.TTFT.N },
			func(a *ledger.Ledger) float64 { return a.Rise(ledger.SeriesFirstSum) / a.Rise(ledger.SeriesFirstCount) }},
		{wholeAnswers, "mean E2E latency", quantity.Seconds,
			func(a *ledger.Ledger) (float64, int) { return a.Client.E2E.Mean(), a.Client.E2E.N },
			func(a *ledger.Ledger) float64 { return a.Rise(ledger.SeriesLastSum) / a.Rise(ledger.SeriesLastCount) }},
	}
}

// tokensOf are the tokens of all whole answers, where the server reported those of any.
func tokensOf(a *ledger.Ledger, n int) (float64, int) {
	if a.Client.WithUsage == 0 {
		return math.NaN(), 0
	}
	return float64(n), a.Client.WithUsage
}

// How far two means may lie apart before there is a warning: what lies between them is
// the network and what stands in it.
const (
	toleratedTime  = 0.050 // s
	toleratedShare = 0.20  // of the server's
)

// Agreements are all figures that both count, held against each other: counts
// exactly, means to within 50 ms or a fifth of the server's.
func Agreements(a *ledger.Ledger) []harness.Agreement {
	var out []harness.Agreement
	for _, f := range figures() {
		if !f.means(a.Answers()) {
			continue
		}
		p := f.pair(a)
		tolerated := 0.0
		if f.isTime() {
			tolerated = max(toleratedTime, toleratedShare*p.server)
		}
		p.decide(a, math.Abs(p.difference()) <= tolerated+1e-9)
		out = append(out, p.stored())
	}
	return out
}

// pair has both sides of a figure. It is unknown where one of them is missing.
func (f figure) pair(a *ledger.Ledger) pair {
	p := pair{figure: f, server: f.server(a)}
	p.client, p.n = f.client(a)
	if why := a.Unseen(f.unit, p.client, p.server); why != "" {
		p.outcome, p.cause = slo.Unknown, slo.Cause{Summary: why}
	}
	return p
}

// decide sets the outcome of a pair that has both sides.
func (p *pair) decide(a *ledger.Ledger, agree bool) {
	switch {
	case p.outcome == slo.Unknown:
	case agree:
		p.outcome = slo.Met
	default:
		p.outcome, p.cause = slo.Missed, likely(a, *p)
	}
}

// Judge holds the figure of a row, which [Parse] read, to what is expected of it: that
// both are the same, or differ by no more than so much.
func Judge(a *ledger.Ledger, o harness.Objective) slo.Verdict {
	e, err := expectationOf(o)
	if err != nil {
		return slo.Unanswered(o, err.Error())
	}
	p := e.pair(a)
	unit, apart := e.unit, math.Abs(p.difference())
	if e.ofServer {
		unit = quantity.Ratio
		if apart /= math.Abs(p.server); math.IsNaN(apart) {
			apart = 0 // nothing of nothing
		}
	}
	p.decide(a, apart <= o.Limit+1e-9)
	o.Statistic = ""
	v := slo.Verdict{Objective: o, Unit: unit, Value: apart, Lo: apart, Hi: apart, N: p.n, Outcome: p.outcome,
		Notes: []string{fmt.Sprintf("the client counts %s, the server %s", quantity.Format(p.client, p.unit), quantity.Format(p.server, p.unit))}}
	switch p.outcome {
	case slo.Missed:
		v.Cause = p.cause.Explains(slo.Claim("client and server do not agree on " + p.name))
	case slo.Unknown:
		v.Value, v.Lo, v.Hi, v.N, v.Notes = math.NaN(), math.NaN(), math.NaN(), 0, []string{p.cause.Reason()}
		v.Cause = p.cause.Explains(slo.Claim("whether client and server agree on " + p.name + " is not known"))
	}
	return v
}

// JudgeWorst is the row of that of several runs in which the two differ the most.
func JudgeWorst(o harness.Objective, runs []*ledger.Ledger) slo.Verdict {
	rank := map[slo.Outcome]int{slo.Met: 0, slo.Unknown: 1, slo.Missed: 2}
	var worst slo.Verdict
	for i, a := range runs {
		if v := Judge(a, o); i == 0 || rank[v.Outcome] > rank[worst.Outcome] || v.Outcome == worst.Outcome && v.Value > worst.Value {
			worst = v
		}
	}
	return worst
}
