package slo

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// A phrase is how people write a relation.
type phrase struct {
	words    string
	relation harness.Relation
	strict   bool // the limit itself does not do
}

// phrases are the words that stand for relations, the longest of those that begin alike first. The words
// of the vocabulary are the relations themselves.
func phrases() []phrase {
	return []phrase{
		{"at most", harness.AtMost, false}, {"no more than", harness.AtMost, false}, {"not more than", harness.AtMost, false}, {"no higher than", harness.AtMost, false}, {"not above", harness.AtMost, false},
		{"up to", harness.AtMost, false}, {"within", harness.AtMost, false}, {"maximum", harness.AtMost, false}, {"max", harness.AtMost, false},
		{"<=", harness.AtMost, false}, {"=<", harness.AtMost, false}, {"≤", harness.AtMost, false},
		{"less than", harness.AtMost, true}, {"lower than", harness.AtMost, true}, {"fewer than", harness.AtMost, true}, {"under", harness.AtMost, true}, {"below", harness.AtMost, true}, {"<", harness.AtMost, true},
		{"at least", harness.AtLeast, false}, {"no less than", harness.AtLeast, false}, {"not less than", harness.AtLeast, false}, {"not below", harness.AtLeast, false}, {"minimum", harness.AtLeast, false}, {"min", harness.AtLeast, false},
		{">=", harness.AtLeast, false}, {"=>", harness.AtLeast, false}, {"≥", harness.AtLeast, false},
		{"more than", harness.AtLeast, true}, {"higher than", harness.AtLeast, true}, {"greater than", harness.AtLeast, true}, {"over", harness.AtLeast, true}, {"above", harness.AtLeast, true}, {">", harness.AtLeast, true},
		{"exactly", harness.Exactly, false}, {"equal to", harness.Exactly, false}, {"equals", harness.Exactly, false}, {"==", harness.Exactly, false}, {"=", harness.Exactly, false},
		{"between", harness.Between, false}, {"from", harness.Between, false},
	}
}

// fillers are words before a relation that say nothing more.
var fillers = regexp.MustCompile(`^(?i)(?:(?:is|are|was|be|must|should|shall|has|have|to|stays?|remains?|always)\s+)+`)

// relationOf splits "under 50ms" into the relation, in the words of the vocabulary, and what comes after it.
func relationOf(expectation string) (by phrase, rest string, ok bool) {
	expectation = expectation[len(fillers.FindString(expectation)):]
	for _, p := range phrases() {
		if len(expectation) < len(p.words) || !strings.EqualFold(expectation[:len(p.words)], p.words) {
			continue
		}
		rest := expectation[len(p.words):]
		last := rune(p.words[len(p.words)-1])
		if unicode.IsLetter(last) && rest != "" && rest[0] != ' ' {
			continue // maximal
		}
		return p, strings.TrimSpace(rest), true
	}
	return phrase{}, "", false
}

// Relate is a limit of a comparison, "under 5 % worse", with its relation in the words of the vocabulary.
func Relate(expectation string) string {
	expectation = strings.Join(strings.Fields(expectation), " ")
	if by, rest, ok := relationOf(expectation); ok && by.relation != harness.Between {
		return string(by.relation) + " " + rest
	}
	return expectation
}

// rowStart is where the expectation begins in a row that is written as one text.
var rowStart = regexp.MustCompile(`(?i)\s*(?:\s(?:(?:is|are|must|should|shall|stays?|remains?)\s|at most|at least|no (?:more|less|higher)|not (?:more|less|above|below)|up to|(?:to )?within|less|lower|fewer|under|below|more|higher|greater|over|above|exactly|equals?\b|between|none$|zero$)|[<>=≤≥])`)

// quoted is a series in quotes, with the quotes of its labels.
var quoted = regexp.MustCompile(`".*"`)

// SplitRow splits a row that is written as one text, "p95 TTFT under 300 ms", into its subject and its expectation: after
// the first metric there is, as "time between tokens" has a word of relations itself.
func SplitRow(written string) (subject, expectation string, err error) {
	written = strings.TrimSpace(written)
	open := quoted.ReplaceAllStringFunc(written, func(series string) string { return strings.Repeat("x", len(series)) })
	starts := rowStart.FindAllStringIndex(open, -1)
	starts = slices.DeleteFunc(starts, func(at []int) bool { return at[0] == 0 })
	if len(starts) == 0 {
		return "", "", fmt.Errorf(`%q is no objective; write "p99 TTFT at most 500 ms"`, written)
	}
	first := max(0, slices.IndexFunc(starts, func(at []int) bool { return namesMetric(written[:at[0]]) }))
	at := starts[first][0]
	return written[:at], strings.TrimSpace(written[at:]), nil
}

// namesMetric reports whether a subject ends with a metric, whatever is asked of that.
func namesMetric(subject string) bool {
	_, ofClass := splitClass(subject)
	_, name := Grammar{}.splitStatistic(ofClass)
	return Grammar{}.isMetric(name)
}

// BeginsExpectation reports whether a text begins with a relation, as the second cell of a row does.
func BeginsExpectation(text string) bool {
	text = strings.Join(strings.Fields(text), " ")
	_, _, ok := relationOf(text)
	return ok || isNone(text)
}

// IsRelation reports whether a text is a relation without a limit.
func IsRelation(text string) bool {
	_, rest, ok := relationOf(strings.Join(strings.Fields(text), " "))
	return ok && rest == ""
}

func isNone(expectation string) bool {
	expectation = expectation[len(fillers.FindString(expectation)):]
	return slices.Contains([]string{"none", "zero", "no"}, strings.ToLower(expectation))
}

// expect reads what is expected of a metric. The text of the objective has the words of the vocabulary, whatever was typed.
func expect(m metric.Metric, statistic, expectation string) (harness.Objective, error) {
	expectation = strings.Join(strings.Fields(expectation), " ")
	o := harness.Objective{Statistic: statistic, Metric: m.Name}
	say := func(canonical string, err error) (harness.Objective, error) {
		o.Text = strings.TrimSpace(statistic+" "+m.Name) + " " + canonical
		return o, err
	}
	if isNone(expectation) {
		o.Relation = harness.Exactly
		return say("none", nil)
	}
	by, rest, ok := relationOf(expectation)
	if !ok {
		return say(expectation, noRelation(m, statistic, expectation))
	}
	o.Relation = by.relation
	if by.relation == harness.Between {
		canonical, err := between(&o, m, statistic, rest)
		return say("between "+canonical, err)
	}
	limit, canonical, err := read(m, statistic, rest)
	if err != nil {
		return say(expectation, err)
	}
	o.Limit = limit
	if err := contrary(m, statistic, by, canonical); err != nil {
		return say(expectation, err)
	}
	if by.strict && m.IsWhole(statistic) {
		next := int(limit) - 1
		if by.relation == harness.AtLeast {
			next = int(limit) + 1
		}
		return say(expectation, fmt.Errorf("%q leaves %s out: write %s %d, or with it: %s %s", expectation, canonical, by.relation, max(0, next), by.relation, canonical))
	}
	return say(string(by.relation)+" "+canonical, nil)
}

// contrary refuses a sign, or a word such as "under", that says the contrary of what is good: a limit that a good
// figure must not reach is written out, as "at most" or "at least".
func contrary(m metric.Metric, statistic string, by phrase, limit string) error {
	meant, how := harness.AtLeast, "higher"
	switch {
	case by.words == string(harness.AtMost) || by.words == string(harness.AtLeast):
		return nil
	case m.Better == metric.HigherIsBetter && by.relation == harness.AtMost:
	case m.Better == metric.LowerIsBetter && by.relation == harness.AtLeast:
		meant, how = harness.AtMost, "lower"
	default:
		return nil
	}
	row := strings.TrimSpace(statistic + " " + m.Name)
	return fmt.Errorf("%q: %s is better when it is %s; write | %s | %s %s |, or, if the contrary is meant, | %[2]s | %[7]s %[6]s |", by.words, row, how, row, meant, limit, by.relation)
}

// read reads a limit. One of a count is whole: 1.500 tokens are 1,500 where a point parts thousands.
func read(m metric.Metric, statistic, written string) (limit float64, canonical string, err error) {
	limit, canonical, err = quantity.Read(written, m.Unit, m.Name)
	if err == nil && limit != math.Trunc(limit) && m.IsWhole(statistic) {
		right := quantity.Grouped(int(math.Round(limit)))
		if number := leadingNumber.FindString(written); thousands.MatchString(number) {
			right = strings.ReplaceAll(number, ".", ",") + " or " + right
		}
		err = fmt.Errorf("%q: %s is always a whole number; write %s", written, strings.TrimSpace(statistic+" "+m.Name), right)
	}
	return limit, canonical, err
}

// thousands is a number of which a point may part the thousands.
var thousands = regexp.MustCompile(`^[1-9]\d{0,2}\.\d{3}$`)

var leadingNumber = regexp.MustCompile(`^-?[\d.,]+(?:[kKM]\b)?`)

// between reads "4 and 6 per second".
func between(o *harness.Objective, m metric.Metric, statistic, limits string) (canonical string, err error) {
	parts := regexp.MustCompile(`^(.+?)(?: and | to | ?– ?| ?\.\. ?)(.+)$`).FindStringSubmatch(limits)
	if parts == nil {
		return limits, fmt.Errorf("%q: write between 3%% and 7%%", "between "+limits)
	}
	low, high, shown := parts[1], parts[2], ""
	if unit := high[len(leadingNumber.FindString(high)):]; unit != "" && !strings.ContainsFunc(low, unicode.IsLetter) && !strings.Contains(low, "%") {
		shown, low = low, low+unit // between 4 and 6 per second
	}
	lowest, lowText, err := read(m, statistic, low)
	if err != nil {
		return limits, err
	}
	highest, highText, err := read(m, statistic, high)
	if err != nil {
		return limits, err
	}
	if o.Limit, o.Upper = lowest, highest; o.Upper < o.Limit {
		err = fmt.Errorf("%q: the first must be the smaller one", "between "+limits)
	}
	if shown != "" {
		lowText, _, _ = strings.Cut(strings.TrimSuffix(lowText, "%"), " ")
	}
	return lowText + " and " + highText, err
}

// noRelation says what is missing in an expectation without a relation, with the row that was probably meant.
func noRelation(m metric.Metric, statistic, expectation string) error {
	if _, canonical, err := quantity.Read(expectation, m.Unit, m.Name); err == nil {
		relation := harness.AtMost
		if m.Better == metric.HigherIsBetter {
			relation = harness.AtLeast
		}
		return fmt.Errorf("%q says no relation; write | %s | %s %s |", expectation, strings.TrimSpace(statistic+" "+m.Name), relation, canonical)
	}
	words := strings.Fields(expectation)
	return fmt.Errorf("%q says no relation%s", expectation,
		spelling.DidYouMean(strings.Join(words[:min(2, len(words))], " "), []string{"at most", "at least", "exactly", "between", "none"}))
}
