package compare

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// Parse reads one row of a comparison: "p99 TTFT" | "at most 5% worse", or
// "at least 3% better". The metric says which way is worse. The limit is kept as a
// ratio to the other side: of TTFT at most 1.05, of throughput at least 0.95.
func Parse(subject, expectation string) (harness.Objective, error) {
	return ParseWith(slo.Grammar{}, subject, expectation)
}

// ParseWith reads one row, also about metrics that a user adds to the catalogue.
func ParseWith(g slo.Grammar, subject, expectation string) (harness.Objective, error) {
	s, err := g.Subject(subject)
	m := s.Metric
	switch {
	case err != nil:
		return harness.Objective{}, err
	case m.Better == metric.Neutral:
		return harness.Objective{}, fmt.Errorf("neither more nor less %s is better: it cannot be compared", m.Name)
	}
	o := harness.Objective{Class: s.Class, Statistic: s.Statistic, Metric: m.Name, Own: g.Own.Define(m)}
	var text string
	if o.Relation, o.Limit, text, err = change(m, slo.Relate(expectation)); err != nil {
		return o, err
	}
	o.Text = o.Name() + " " + text
	return o, nil
}

var changes = regexp.MustCompile(`^(?i)(at most|at least) (\S+?) ?(?:%|percent|per cent) (worse|better)$`)

// change is by how much a metric may differ, as a limit on the ratio, and how that is written.
func change(m metric.Metric, expectation string) (harness.Relation, float64, string, error) {
	const grammar = `write "at most 5% worse" or "at least 3% better"`
	parts := changes.FindStringSubmatch(expectation)
	if parts == nil {
		return "", 0, "", fmt.Errorf("%q is no comparison; %s", expectation, grammar)
	}
	share, canonical, err := quantity.Read(parts[2]+"%", quantity.Ratio, "a change")
	how := strings.ToLower(parts[3])
	worse := how == "worse"
	if err == nil && worse != (parts[1] == "at most") {
		err = fmt.Errorf("%q is no limit; %s", expectation, grammar)
	}
	relation := harness.AtLeast
	if m.Better == metric.LowerIsBetter {
		relation = harness.AtMost
	}
	limit := 1 - share
	if worse == (m.Better == metric.LowerIsBetter) {
		limit = 1 + share
	}
	if err == nil && limit <= 0 {
		err = fmt.Errorf("%q is impossible: nothing can be less than nothing", expectation)
	}
	return relation, limit, parts[1] + " " + canonical + " " + how, err
}
