package slo

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
)

// A Grammar reads rows about the metrics of the catalogue and some that a user adds to it.
type Grammar struct{ Own metric.Own }

// Parse reads one row of a table of objectives: "p99 TTFT" | "at most 500 ms", or,
// of one class of the traffic, "chat: p99 TTFT".
func Parse(subject, expectation string) (harness.Objective, error) {
	return Grammar{}.Parse(subject, expectation)
}

// Parse reads one row of a table of objectives.
func (g Grammar) Parse(subject, expectation string) (harness.Objective, error) {
	s, err := g.Subject(subject)
	if err != nil {
		return harness.Objective{}, err
	}
	return g.expect(s.Metric, s.Class, s.Statistic, expectation)
}

// A Subject is what a row is about: a statistic of a metric, of all traffic or of one class.
type Subject struct {
	Class, Statistic string
	Metric           metric.Metric
}

// ParseSubject reads "p99 TTFT", or of one class of the traffic "chat: p99 TTFT".
func ParseSubject(subject string) (Subject, error) { return Grammar{}.Subject(subject) }

// Subject reads "p99 TTFT", or of one class of the traffic "chat: p99 TTFT".
func (g Grammar) Subject(subject string) (s Subject, err error) {
	class, ofClass := splitClass(subject)
	statistic, name := g.splitStatistic(ofClass)
	m, err := g.Own.Lookup(name)
	if err == nil && statistic == worst {
		statistic = worstOf(m)
	}
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

func (g Grammar) expect(m metric.Metric, class, statistic, expectation string) (harness.Objective, error) {
	o, err := expect(m, statistic, expectation)
	o.Own = g.Own.Define(m)
	if o.Class = class; class != "" {
		o.Text = class + ": " + o.Text
	}
	return o, err
}

// ParseGood reads one row of what makes a request good, or one of a class: a
// metric that every request has one value of, without a statistic.
func ParseGood(subject, expectation string) (harness.Objective, error) {
	return Grammar{}.ParseGood(subject, expectation)
}

// ParseGood reads one row of what makes a request good.
func (g Grammar) ParseGood(subject, expectation string) (harness.Objective, error) {
	class, ofClass := splitClass(subject)
	statistic, name := g.splitStatistic(ofClass)
	m, err := g.Own.Lookup(name)
	switch {
	case err != nil:
		return harness.Objective{}, err
	case m.PerRequest() == nil:
		return harness.Objective{}, fmt.Errorf("%s is no figure of one request; a request is good by %s", m.Name, latenciesOfRequests())
	case statistic != "":
		return harness.Objective{}, fmt.Errorf("one request has one %s; leave out %q", m.Name, statistic)
	}
	return g.expect(m, class, "", expectation)
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

// splitStatistic splits "p99 TTFT". What people type otherwise is read where it has one meaning: "TTFT p99",
// "ttft_p99", "median TTFT", "95th percentile of TTFT".
func (g Grammar) splitStatistic(subject string) (statistic, name string) {
	first, rest, several := strings.Cut(subject, " ")
	switch rest = strings.TrimSpace(rest); {
	case g.isMetric(subject):
		return "", subject
	case several && statisticOf(first) != "" && g.isMetric(rest):
		return statisticOf(first), rest
	case strings.Contains(subject, `"`) && several && statisticOf(first) != "":
		return statisticOf(first), rest
	}
	words := strings.Fields(strings.NewReplacer("_", " ", "(", " ", ")", " ").Replace(subject))
	words = slices.DeleteFunc(words, func(word string) bool {
		return slices.Contains([]string{"percentile", "the", "of"}, strings.ToLower(word))
	})
	if len(words) == 1 {
		words = strings.Split(words[0], "-")
	}
	at := slices.IndexFunc(words, func(word string) bool { return statisticOf(word) != "" })
	if at < 0 || len(words) == 1 {
		return "", subject
	}
	return statisticOf(words[at]), strings.Join(slices.Delete(slices.Clone(words), at, at+1), " ")
}

func (g Grammar) isMetric(name string) bool {
	_, err := g.Own.Lookup(name)
	return err == nil
}

var (
	statistics = regexp.MustCompile(`^(?i)(p\d+(\.\d+)?|min|mean|max|total)$`)
	percentile = regexp.MustCompile(`^(?i)(\d+(?:\.\d+)?)(?:st|nd|rd|th|%|%ile)$`)
)

// statisticOf is a statistic as the catalogue names it; "" for a word that is none.
func statisticOf(word string) string {
	word = strings.ToLower(word)
	if statistics.MatchString(word) || word == worst {
		return word
	}
	if p := percentile.FindStringSubmatch(word); p != nil {
		return "p" + p[1]
	}
	return map[string]string{"median": "p50", "average": "mean", "avg": "mean", "maximum": "max", "minimum": "min", "sum": "total"}[word]
}

// worst is a statistic whose meaning the metric decides.
const worst = "worst"

// worstOf is the statistic that is the worst value of a metric; worst where neither more nor less is better.
func worstOf(m metric.Metric) string {
	switch m.Better {
	case metric.LowerIsBetter:
		return "max"
	case metric.HigherIsBetter:
		return "min"
	}
	return worst
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
	case statistic == worst:
		return fmt.Errorf("neither more nor less %s is better, so that none is the worst; it has %s", m.Name, strings.Join(known, ", "))
	case isQuantile && (p <= 0 || p >= 1):
		if nines := strings.TrimPrefix(statistic, "p"); len(nines) > 2 && nines[0] == '9' && !strings.Contains(nines, ".") {
			return fmt.Errorf("%s is impossible; did you mean p%s.%s?", statistic, nines[:2], nines[2:])
		}
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
