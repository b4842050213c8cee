package slo

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/spelling"
)

// An agreement is one figure as the client and as the server count it; NaN where one
// of them does not tell.
type agreement struct {
	name           string
	unit           Unit
	client, server float64
	n              int // requests that the client's figure rests on
	outcome        Outcome
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

// AgreementSentence is a row in one line: "requests: the client counts 480, the
// server 504; …".
func AgreementSentence(a harness.Agreement) string {
	count := func(f *float64) string {
		if f == nil {
			return "none"
		}
		return FormatQuantity(*f, Unit(a.Unit))
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
	unit   Unit
	exact  bool // by default; else to within a bound
	client func(*Accounts) (value float64, n int)
	server func(*Accounts) float64
}

func accounts() []account {
	ended := func(reason string) account {
		return account{"answers ended by " + reason, Count, true,
			func(a *Accounts) (float64, int) { return float64(a.client.byFinish[reason]), a.client.answered },
			func(a *Accounts) float64 { return a.rise(seriesFinished + " " + reason) }}
	}
	return []account{
		{"requests", Count, true,
			func(a *Accounts) (float64, int) { return float64(a.client.answered), a.client.answered }, (*Accounts).finished},
		{"prompt tokens", Tokens, true,
			func(a *Accounts) (float64, int) { return a.tokens(a.client.prompt) },
			func(a *Accounts) float64 { return a.rise(seriesPrompts) }},
		{"output tokens", Tokens, true,
			func(a *Accounts) (float64, int) { return a.tokens(a.client.output) },
			func(a *Accounts) float64 { return a.rise(seriesOutputs) }},
		ended("stop"), ended("length"),
		{"HTTP errors", Count, true,
			func(a *Accounts) (float64, int) { return float64(a.client.refusals), a.client.asked }, (*Accounts).refusals},
		{"mean TTFT", Seconds, false,
			func(a *Accounts) (float64, int) { return a.client.first.mean(), a.client.first.n },
			func(a *Accounts) float64 { return a.rise(seriesFirstSum) / a.rise(seriesFirstCount) }},
		{"mean E2E latency", Seconds, false,
			func(a *Accounts) (float64, int) { return a.client.last.mean(), a.client.last.n },
			func(a *Accounts) float64 { return a.rise(seriesLastSum) / a.rise(seriesLastCount) }},
	}
}

// tokens are those of all whole answers, where the server told those of any.
func (a *Accounts) tokens(n int) (float64, int) {
	if a.client.told == 0 {
		return math.NaN(), 0
	}
	return float64(n), a.client.told
}

// How far two means may lie apart before that is worth a warning: what lies between
// them is the network and what stands in it.
const (
	apartFloor = 0.050 // s
	apartShare = 0.20  // of the server's
)

// Agreements are all figures that both count, held against each other: counts
// exactly, means to within 50 ms or a fifth of the server's.
func (a *Accounts) Agreements() []harness.Agreement {
	var out []harness.Agreement
	for _, row := range accounts() {
		of := a.agreement(row)
		if of.outcome == "" {
			most := 0.0
			if !row.exact {
				most = max(apartFloor, apartShare*of.server)
			}
			a.settle(row, &of, math.Abs(of.apart()) <= most+1e-9)
		}
		out = append(out, of.plain())
	}
	return out
}

// agreement is a row with both figures; its outcome is open where both are there.
func (a *Accounts) agreement(row account) agreement {
	of := agreement{name: row.name, unit: row.unit, server: row.server(a)}
	of.client, of.n = row.client(a)
	if unseen := a.unseen(row, of); unseen != "" {
		of.outcome, of.cause = Unknown, unseen
	}
	return of
}

func (a *Accounts) settle(row account, of *agreement, agree bool) {
	if of.outcome = Met; !agree {
		of.outcome, of.cause = Missed, a.likely(row, *of)
	}
}

// unseen is why a row cannot be told; "" where it can.
func (a *Accounts) unseen(row account, of agreement) string {
	const late = 1500 * time.Millisecond // of a scrape that began before the last answer ended
	switch {
	case a.gaps.first == harness.Never:
		return "the server's metrics could not be read: set VLLM_METRICS_URL to where they are"
	case a.client.asked == 0:
		return "nothing was asked"
	case a.gaps.first > 0:
		return fmt.Sprintf("the server's metrics were not read before the load, first after %s", FormatQuantity(a.gaps.first.Seconds(), Seconds))
	case a.gaps.last+late < a.client.ended:
		return fmt.Sprintf("a scrape was missed: the server's metrics were read last at %s, and answers came until %s", FormatQuantity(a.gaps.last.Seconds(), Seconds), FormatQuantity(a.client.ended.Seconds(), Seconds))
	case math.IsNaN(of.client) && row.unit == Tokens:
		return "the server told no token counts: it must support stream_options.include_usage"
	case math.IsNaN(of.client):
		return "no answer came"
	case math.IsNaN(of.server):
		return "the server's metrics do not tell"
	}
	return ""
}

// Row finds the row of a name and holds it to an expectation: exactly, or to within
// so much of it.
func (a *Accounts) Row(o harness.Objective) Verdict {
	row, err := accountOf(o.Metric)
	if err != nil {
		return Verdict{Objective: o, Value: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Outcome: Unknown, Notes: []string{err.Error()}}
	}
	of := a.agreement(row)
	unit, apart := row.unit, math.Abs(of.apart())
	if o.Statistic == shareOfServer {
		unit = Ratio
		if apart /= math.Abs(of.server); math.IsNaN(apart) {
			apart = 0 // nothing of nothing
		}
	}
	if of.outcome == "" {
		a.settle(row, &of, apart <= o.Limit+1e-9)
	}
	o.Statistic = ""
	v := Verdict{Objective: o, Unit: unit, Value: apart, Lo: apart, Hi: apart, N: of.n, Outcome: of.outcome,
		Notes: []string{fmt.Sprintf("the client counts %s, the server %s", FormatQuantity(of.client, of.unit), FormatQuantity(of.server, of.unit))}}
	if of.outcome == Unknown {
		v.Value, v.Lo, v.Hi, v.N, v.Notes = math.NaN(), math.NaN(), math.NaN(), 0, []string{of.cause}
	}
	switch of.outcome {
	case Missed:
		v.Cause = "client and server do not agree on " + of.name + " because " + of.cause
	case Unknown:
		v.Cause = "whether client and server agree on " + of.name + " is not known because " + of.cause
	}
	return v
}

// WorstRow is the row of that of several runs in which the two differ the most.
func WorstRow(o harness.Objective, runs []*Accounts) Verdict {
	rank := map[Outcome]int{Met: 0, Unknown: 1, Missed: 2}
	var worst Verdict
	for i, a := range runs {
		if v := a.Row(o); i == 0 || rank[v.Outcome] > rank[worst.Outcome] || v.Outcome == worst.Outcome && v.Value > worst.Value {
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

// ParseAgreement reads one row: "requests" | "exactly", or "mean TTFT" | "to within
// 10 ms", or "output tokens" | "to within 1%".
func ParseAgreement(subject, expectation string) (harness.Objective, error) {
	subject, expectation = strings.TrimSpace(subject), strings.Join(strings.Fields(expectation), " ")
	row, err := accountOf(subject)
	if err != nil {
		return harness.Objective{}, err
	}
	o := harness.Objective{Metric: disagreement + row.name, Relation: harness.AtMost}
	if expectation == "exactly" {
		o.Text = o.Metric + " none"
		if row.unit == Seconds {
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
		unit, o.Statistic = Ratio, shareOfServer
	}
	o.Limit, err = Metric{Name: row.name, Unit: unit}.quantity(written)
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
