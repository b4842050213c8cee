package slo

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// Parse reads one row of a table of objectives: "p99 TTFT" | "at most 500 ms", or,
// of one class of the traffic, "chat: p99 TTFT".
func Parse(subject, expectation string) (harness.Objective, error) {
	s, err := ParseSubject(subject)
	if err != nil {
		return harness.Objective{}, err
	}
	return expectOf(s.Metric, s.Class, s.Statistic, expectation)
}

// A Subject is what a row is about: a statistic of a metric, of all traffic or of one class.
type Subject struct {
	Class, Statistic string
	Metric           metric.Metric
}

// ParseSubject reads "p99 TTFT", or of one class of the traffic "chat: p99 TTFT".
func ParseSubject(subject string) (s Subject, err error) {
	class, ofClass := splitClass(subject)
	statistic, name := splitStatistic(ofClass)
	m, err := metric.Lookup(name)
	if err == nil {
		err = accepts(m, statistic)
	}
	if err == nil && class != "" && m.IsSampled() {
		err = fmt.Errorf("%s is the server's: it has no classes; leave out %q", m.Name, class+":")
	}
	return Subject{class, statistic, m}, err
}

// splitClass splits "chat: p99 TTFT"; a raw series in quotes may hold a colon.
func splitClass(subject string) (class, of string) {
	class, of, has := strings.Cut(subject, ": ")
	if !has || strings.HasPrefix(strings.TrimSpace(subject), `"`) {
		return "", strings.TrimSpace(subject)
	}
	return strings.TrimSpace(class), strings.TrimSpace(of)
}

func expectOf(m metric.Metric, class, statistic, expectation string) (harness.Objective, error) {
	o, err := expect(m, statistic, expectation)
	if o.Class = class; class != "" {
		o.Text = class + ": " + o.Text
	}
	return o, err
}

// ParseGood reads one row of what makes a request good, or one of a class: a
// metric that every request has one value of, without a statistic.
func ParseGood(subject, expectation string) (harness.Objective, error) {
	class, ofClass := splitClass(subject)
	statistic, name := splitStatistic(ofClass)
	m, err := metric.Lookup(name)
	switch {
	case err != nil:
		return harness.Objective{}, err
	case m.PerRequest() == nil:
		return harness.Objective{}, fmt.Errorf("%s is no figure of one request; a request is good by %s", m.Name, latenciesOfRequests())
	case statistic != "":
		return harness.Objective{}, fmt.Errorf("one request has one %s; leave out %q", m.Name, statistic)
	}
	return expectOf(m, class, "", expectation)
}

// latenciesOfRequests are the latencies that each request has one of, as a sentence names them.
func latenciesOfRequests() string {
	var names []string
	for _, m := range metric.OfEachRequest() {
		if m.IsLatency() {
			names = append(names, m.Name)
		}
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func splitStatistic(subject string) (statistic, name string) {
	first, rest, ok := strings.Cut(subject, " ")
	if ok && regexp.MustCompile(`^(?i)(p\d+(\.\d+)?|min|mean|max|total)$`).MatchString(first) {
		return strings.ToLower(first), strings.TrimSpace(rest)
	}
	return "", subject
}

func accepts(m metric.Metric, statistic string) error {
	known := m.Statistics()
	p, isQuantile := metric.Quantile(statistic)
	switch {
	case known == nil && statistic != "":
		return fmt.Errorf("%s is one figure of the run; leave out %q", m.Name, statistic)
	case known == nil:
		return nil
	case statistic == "":
		return fmt.Errorf("%s needs a statistic: %s", m.Name, strings.Join(known, ", "))
	case isQuantile && (p <= 0 || p >= 1):
		return fmt.Errorf("%s is impossible; percentiles lie between p0 and p100, for which one writes min and max", statistic)
	case isQuantile && len(known) > 2:
		return nil
	}
	for _, k := range known {
		if k == statistic {
			return nil
		}
	}
	if g, ok := m.Source.(metric.Gauge); ok && statistic == "total" && g.Raw {
		plain, _ := metric.Selector(g.Series)
		return fmt.Errorf("%s has no total: it is read as a gauge, with %s; a counter's name ends in _total: did you mean %q?", m.Name, strings.Join(known, ", "), plain+"_total"+strings.TrimPrefix(g.Series, plain))
	}
	return fmt.Errorf("%s has no %s; it has %s", m.Name, statistic, strings.Join(known, ", "))
}

func expect(m metric.Metric, statistic, expectation string) (harness.Objective, error) {
	expectation = strings.Join(strings.Fields(expectation), " ")
	o := harness.Objective{Text: strings.TrimSpace(statistic+" "+m.Name) + " " + expectation, Statistic: statistic, Metric: m.Name}
	var err error
	switch {
	case expectation == "none":
		o.Relation = harness.Exactly
		return o, nil
	case strings.HasPrefix(expectation, "between "):
		o.Relation = harness.Between
		low, high, ok := strings.Cut(strings.TrimPrefix(expectation, "between "), " and ")
		if !ok {
			return o, fmt.Errorf("%q: write between 3%% and 7%%", expectation)
		}
		if _, unit, has := strings.Cut(high, " "); has && !strings.ContainsFunc(low, unicode.IsLetter) && !strings.Contains(low, "%") {
			low += " " + unit // between 4 and 6 per second
		}
		if o.Limit, err = quantity.Parse(low, m.Unit, m.Name); err == nil {
			o.Upper, err = quantity.Parse(high, m.Unit, m.Name)
		}
		if err == nil && o.Upper < o.Limit {
			err = fmt.Errorf("%q: the first must be the smaller one", expectation)
		}
		return o, err
	}
	for _, relation := range []harness.Relation{harness.AtMost, harness.AtLeast, harness.Exactly} {
		if written, ok := strings.CutPrefix(expectation, string(relation)+" "); ok {
			o.Relation = relation
			o.Limit, err = quantity.Parse(written, m.Unit, m.Name)
			return o, err
		}
	}
	words := strings.Fields(expectation)
	return o, fmt.Errorf("%q says no relation%s", expectation,
		spelling.DidYouMean(strings.Join(words[:min(2, len(words))], " "), []string{"at most", "at least", "exactly", "between", "none"}))
}
