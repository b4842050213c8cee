package reconcile

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// An agreement is one figure as the client and as the server count it; NaN where one
// of them does not tell.
type agreement struct {
	name           string
	unit           quantity.Unit
	client, server float64
	n              int // requests that the client's figure rests on
	outcome        slo.Outcome
	cause          string
}

// apart is the server's figure less the client's.
func (a agreement) apart() float64 { return a.server - a.client }

func (a agreement) plain() harness.Agreement {
	number := func(f float64) *float64 {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil
		}
		return &f
	}
	return harness.Agreement{Name: a.name, Unit: string(a.unit), Client: number(a.client), Server: number(a.server), N: a.n, Outcome: string(a.outcome), Cause: a.cause}
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

// An account is a row that can be held against each other.
type account struct {
	name   string
	unit   quantity.Unit
	exact  bool // by default; else to within a bound
	client func(*slo.Accounts) (value float64, n int)
	server func(*slo.Accounts) float64
}

func accounts() []account {
	ended := func(reason string) account {
		return account{"answers ended by " + reason, quantity.Count, true,
			func(a *slo.Accounts) (float64, int) { return float64(a.Client.ByFinish[reason]), a.Client.Answered },
			func(a *slo.Accounts) float64 { return a.Rise(slo.SeriesFinished + " " + reason) }}
	}
	return []account{
		{"requests", quantity.Count, true,
			func(a *slo.Accounts) (float64, int) { return float64(a.Client.Answered), a.Client.Answered }, (*slo.Accounts).Finished},
		{"prompt tokens", quantity.Tokens, true,
			func(a *slo.Accounts) (float64, int) { return tokens(a, a.Client.Prompt) },
			func(a *slo.Accounts) float64 { return a.Rise(slo.SeriesPrompts) }},
		{"output tokens", quantity.Tokens, true,
			func(a *slo.Accounts) (float64, int) { return tokens(a, a.Client.Output) },
			func(a *slo.Accounts) float64 { return a.Rise(slo.SeriesOutputs) }},
		ended("stop"), ended("length"),
		{"HTTP errors", quantity.Count, true,
			func(a *slo.Accounts) (float64, int) { return float64(a.Client.HTTPErrors), a.Client.Asked }, (*slo.Accounts).HTTPErrors},
		{"mean TTFT", quantity.Seconds, false,
			func(a *slo.Accounts) (float64, int) { return a.Client.TTFT.Mean(), a.Client.TTFT.N },
			func(a *slo.Accounts) float64 { return a.Rise(slo.SeriesFirstSum) / a.Rise(slo.SeriesFirstCount) }},
		{"mean E2E latency", quantity.Seconds, false,
			func(a *slo.Accounts) (float64, int) { return a.Client.E2E.Mean(), a.Client.E2E.N },
			func(a *slo.Accounts) float64 { return a.Rise(slo.SeriesLastSum) / a.Rise(slo.SeriesLastCount) }},
	}
}

// tokens are those of all whole answers, where the server reported those of any.
func tokens(a *slo.Accounts, n int) (float64, int) {
	if a.Client.WithUsage == 0 {
		return math.NaN(), 0
	}
	return float64(n), a.Client.WithUsage
}

// How far two means may lie apart before there is a warning: what lies between
// them is the network and what stands in it.
const (
	apartFloor = 0.050 // s
	apartShare = 0.20  // of the server's
)

// Agreements are all figures that both count, held against each other: counts
// exactly, means to within 50 ms or a fifth of the server's.
func Agreements(a *slo.Accounts) []harness.Agreement {
	var out []harness.Agreement
	for _, row := range accounts() {
		of := reconcileRow(a, row)
		if of.outcome == "" {
			most := 0.0
			if !row.exact {
				most = max(apartFloor, apartShare*of.server)
			}
			settle(a, row, &of, math.Abs(of.apart()) <= most+1e-9)
		}
		out = append(out, of.plain())
	}
	return out
}

// reconcileRow is a row with both figures; its outcome is open where both are there.
func reconcileRow(a *slo.Accounts, row account) agreement {
	of := agreement{name: row.name, unit: row.unit, server: row.server(a)}
	of.client, of.n = row.client(a)
	if unseen := a.Unseen(row.unit, of.client, of.server); unseen != "" {
		of.outcome, of.cause = slo.Unknown, unseen
	}
	return of
}

func settle(a *slo.Accounts, row account, of *agreement, agree bool) {
	if of.outcome = slo.Met; !agree {
		of.outcome, of.cause = slo.Missed, likely(a, row, *of)
	}
}

// Judge finds the row of a name and holds it to an expectation: exactly, or to within
// so much of it.
func Judge(a *slo.Accounts, o harness.Objective) slo.Verdict {
	row, err := accountOf(o.Metric)
	if err != nil {
		return slo.Unanswered(o, err.Error())
	}
	of := reconcileRow(a, row)
	unit, apart := row.unit, math.Abs(of.apart())
	if o.Statistic == shareOfServer {
		unit = quantity.Ratio
		if apart /= math.Abs(of.server); math.IsNaN(apart) {
			apart = 0 // nothing of nothing
		}
	}
	if of.outcome == "" {
		settle(a, row, &of, apart <= o.Limit+1e-9)
	}
	o.Statistic = ""
	v := slo.Verdict{Objective: o, Unit: unit, Value: apart, Lo: apart, Hi: apart, N: of.n, Outcome: of.outcome,
		Notes: []string{fmt.Sprintf("the client counts %s, the server %s", quantity.Format(of.client, of.unit), quantity.Format(of.server, of.unit))}}
	if of.outcome == slo.Unknown {
		v.Value, v.Lo, v.Hi, v.N, v.Notes = math.NaN(), math.NaN(), math.NaN(), 0, []string{of.cause}
	}
	switch of.outcome {
	case slo.Missed:
		v.Cause = "client and server do not agree on " + of.name + " because " + of.cause
	case slo.Unknown:
		v.Cause = "whether client and server agree on " + of.name + " is not known because " + of.cause
	}
	return v
}

// JudgeWorst is the row of that of several runs in which the two differ the most.
func JudgeWorst(o harness.Objective, runs []*slo.Accounts) slo.Verdict {
	rank := map[slo.Outcome]int{slo.Met: 0, slo.Unknown: 1, slo.Missed: 2}
	var worst slo.Verdict
	for i, a := range runs {
		if v := Judge(a, o); i == 0 || rank[v.Outcome] > rank[worst.Outcome] || v.Outcome == worst.Outcome && v.Value > worst.Value {
			worst = v
		}
	}
	return worst
}

// disagreement is what the metric of a row is called among verdicts.
const disagreement = "disagreement on "

// shareOfServer marks, until a row is judged, that its limit is a share.
const shareOfServer = "share"

func accountOf(metric string) (account, error) {
	name := strings.TrimPrefix(metric, disagreement)
	var names []string
	for _, row := range accounts() {
		if strings.EqualFold(row.name, name) {
			return row, nil
		}
		names = append(names, row.name)
	}
	return account{}, fmt.Errorf("client and server do not both count %q%s; they count %s", name, spelling.DidYouMean(name, names), strings.Join(names, ", "))
}

// Parse reads one row: "requests" | "exactly", or "mean TTFT" | "to within
// 10 ms", or "output tokens" | "to within 1%".
func Parse(subject, expectation string) (harness.Objective, error) {
	subject, expectation = strings.TrimSpace(subject), strings.Join(strings.Fields(expectation), " ")
	row, err := accountOf(subject)
	if err != nil {
		return harness.Objective{}, err
	}
	o := harness.Objective{Metric: disagreement + row.name, Relation: harness.AtMost}
	if expectation == "exactly" {
		o.Text = o.Metric + " none"
		if row.unit == quantity.Seconds {
			return o, fmt.Errorf("two clocks never agree exactly on %s; write: to within 10 ms", row.name)
		}
		return o, nil
	}
	written, ok := strings.CutPrefix(expectation, "to within ")
	if !ok {
		return o, fmt.Errorf("%q does not say how far client and server may differ; write: exactly, or: to within 1%%%s", expectation,
			spelling.DidYouMean(expectation, []string{"exactly", "to within 1%", "to within 10 ms"}))
	}
	unit := row.unit
	if strings.HasSuffix(written, "%") {
		unit, o.Statistic = quantity.Ratio, shareOfServer
	}
	o.Limit, err = quantity.Parse(written, unit, row.name)
	o.Text = o.Metric + " at most " + written
	return o, err
}

// AgreementNames are the figures that both count.
func AgreementNames() (names []string) {
	for _, row := range accounts() {
		names = append(names, row.name)
	}
	return slices.Clip(names)
}
