package reconcile

import (
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// An expectation is what a row asks of a figure: by how much client and server may
// differ. In features and files it is an [harness.Objective].
type expectation struct {
	figure
	limit    float64 // 0: they must be the same
	ofServer bool    // the limit is a share of the server's figure
}

// The form of an expectation as an objective: its metric is the figure after this prefix,
// and its statistic says where the limit is a share.
const (
	metricPrefix   = "disagreement on "
	statisticShare = "share"
)

// objective is the expectation as features and files have it, with the text of its limit.
func (e expectation) objective(limit string) harness.Objective {
	o := harness.Objective{Metric: metricPrefix + e.name, Relation: harness.AtMost, Limit: e.limit}
	if e.ofServer {
		o.Statistic = statisticShare
	}
	o.Text = o.Metric + " " + limit
	return o
}

// expectationOf reads an objective back.
func expectationOf(o harness.Objective) (expectation, error) {
	f, err := figureOf(strings.TrimPrefix(o.Metric, metricPrefix))
	return expectation{f, o.Limit, o.Statistic == statisticShare}, err
}

// figureOf finds a figure by its name.
func figureOf(name string) (figure, error) {
	for _, f := range figures() {
		if strings.EqualFold(f.name, name) {
			return f, nil
		}
	}
	names := AgreementNames()
	return figure{}, fmt.Errorf("client and server do not both count %q%s; they count %s", name, spelling.DidYouMean(name, names), strings.Join(names, ", "))
}

// Parse reads one row: "requests" | "exactly", or "mean TTFT" | "to within
// 10 ms", or "output tokens" | "to within 1%".
func Parse(subject, expected string) (harness.Objective, error) {
	subject, expected = strings.TrimSpace(subject), strings.Join(strings.Fields(expected), " ")
	f, err := figureOf(subject)
	if err != nil {
		return harness.Objective{}, err
	}
	e := expectation{figure: f}
	if strings.EqualFold(expected, "exactly") || strings.EqualFold(expected, "equal") {
		if f.isTime() {
			err = fmt.Errorf("two clocks never agree exactly on %s; write: to within 10 ms", f.name)
		}
		return e.objective("none"), err
	}
	written, ok := within(expected)
	if !ok {
		return e.objective(""), fmt.Errorf("%q does not say how far client and server may differ; write: exactly, or: to within 1%%%s", expected,
			spelling.DidYouMean(expected, []string{"exactly", "to within 1%", "to within 10 ms"}))
	}
	unit := f.unit
	if strings.HasSuffix(written, "%") {
		unit, e.ofServer = quantity.Ratio, true
	}
	limit, canonical, err := quantity.Read(written, unit, f.name)
	e.limit = limit
	return e.objective("at most " + canonical), err
}

// within is how far client and server may differ.
func within(expected string) (written string, ok bool) {
	for _, words := range []string{"to within ", "within ", "±", "+/-"} {
		if len(expected) > len(words) && strings.EqualFold(expected[:len(words)], words) {
			return strings.TrimSpace(expected[len(words):]), true
		}
	}
	return "", false
}

// AgreementNames are the figures that both count.
func AgreementNames() (names []string) {
	for _, f := range figures() {
		names = append(names, f.name)
	}
	return names
}
