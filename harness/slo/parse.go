package slo

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/spelling"
)

// Parse reads one row of a table of objectives: "p99 TTFT" | "at most 500 ms", or,
// of one class of the traffic, "chat: p99 TTFT".
func Parse(subject, expectation string) (harness.Objective, error) {
	class, ofClass := splitClass(subject)
	statistic, name := splitStatistic(ofClass)
	m, err := Lookup(name)
	if err != nil {
		return harness.Objective{}, err
	}
	if err := m.accepts(statistic); err != nil {
		return harness.Objective{}, err
	}
	if class != "" && m.ofServer() {
		return harness.Objective{}, fmt.Errorf("%s is the server's: it has no classes; leave out %q", m.Name, class+":")
	}
	return m.expectOf(class, statistic, expectation)
}

// splitClass splits "chat: p99 TTFT"; a raw series in quotes may hold a colon.
func splitClass(subject string) (class, of string) {
	class, of, has := strings.Cut(subject, ": ")
	if !has || strings.HasPrefix(strings.TrimSpace(subject), `"`) {
		return "", strings.TrimSpace(subject)
	}
	return strings.TrimSpace(class), strings.TrimSpace(of)
}

func (m Metric) expectOf(class, statistic, expectation string) (harness.Objective, error) {
	o, err := m.expect(statistic, expectation)
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
	m, err := Lookup(name)
	switch {
	case err != nil:
		return harness.Objective{}, err
	case m.request == nil:
		return harness.Objective{}, fmt.Errorf("%s is no figure of one request; a request is good by TTFT, TPOT, E2E latency or longest gap", m.Name)
	case statistic != "":
		return harness.Objective{}, fmt.Errorf("one request has one %s; leave out %q", m.Name, statistic)
	}
	return m.expectOf(class, "", expectation)
}

func splitStatistic(subject string) (statistic, name string) {
	first, rest, ok := strings.Cut(subject, " ")
	if ok && regexp.MustCompile(`^(?i)(p\d+(\.\d+)?|min|mean|max|total)$`).MatchString(first) {
		return strings.ToLower(first), strings.TrimSpace(rest)
	}
	return "", subject
}

func (m Metric) accepts(statistic string) error {
	known := m.statistics()
	p, isQuantile := quantileOf(statistic)
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
	return fmt.Errorf("%s has no %s; it has %s", m.Name, statistic, strings.Join(known, ", "))
}

func (m Metric) expect(statistic, expectation string) (harness.Objective, error) {
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
		if o.Limit, err = m.quantity(low); err == nil {
			o.Upper, err = m.quantity(high)
		}
		if err == nil && o.Upper < o.Limit {
			err = fmt.Errorf("%q: the first must be the smaller one", expectation)
		}
		return o, err
	}
	for _, relation := range []harness.Relation{harness.AtMost, harness.AtLeast, harness.Exactly} {
		if written, ok := strings.CutPrefix(expectation, string(relation)+" "); ok {
			o.Relation = relation
			o.Limit, err = m.quantity(written)
			return o, err
		}
	}
	words := strings.Fields(expectation)
	return o, fmt.Errorf("%q says no relation%s", expectation,
		spelling.DidYouMean(strings.Join(words[:min(2, len(words))], " "), []string{"at most", "at least", "exactly", "between", "none"}))
}

// scales are the units a quantity may be written in, and what one of each is
// in the base unit.
func (u Unit) scales() map[string]float64 {
	switch u {
	case Seconds:
		return map[string]float64{"µs": 1e-6, "us": 1e-6, "ms": 1e-3, "milliseconds": 1e-3, "s": 1, "second": 1, "seconds": 1, "minute": 60, "minutes": 60, "hours": 3600}
	case Ratio:
		return map[string]float64{"%": 0.01}
	case PerSecond:
		return map[string]float64{"per second": 1, "per minute": 1.0 / 60, "requests per second": 1}
	case TokensPerSecond:
		return map[string]float64{"tokens per second": 1}
	case Tokens:
		return map[string]float64{"": 1, "tokens": 1}
	case Bytes:
		return map[string]float64{"MB": 1e6, "GB": 1e9, "MiB": 1 << 20, "GiB": 1 << 30}
	case BytesPerSecond:
		return map[string]float64{"kB/s": 1e3, "MB/s": 1e6, "GB/s": 1e9, "KiB/s": 1 << 10, "MiB/s": 1 << 20, "GiB/s": 1 << 30}
	case Cores:
		return map[string]float64{"cores": 1, "core": 1}
	case Watts:
		return map[string]float64{"W": 1, "kW": 1e3}
	case Joules:
		return map[string]float64{"mJ": 1e-3, "J": 1, "kJ": 1e3, "MJ": 1e6, "Wh": 3600, "kWh": 3.6e6}
	case Celsius:
		return map[string]float64{"°C": 1, "C": 1}
	case Hertz:
		return map[string]float64{"MHz": 1e6, "GHz": 1e9}
	default:
		return map[string]float64{"": 1, "requests": 1}
	}
}

// Example is a quantity in the unit, as one writes it in a table.
func (u Unit) Example() string {
	return map[Unit]string{Seconds: "500 ms", Ratio: "5%", PerSecond: "7.5 per second", TokensPerSecond: "1,200 tokens per second",
		Tokens: "512", Count: "64", Bytes: "40 GiB",
		BytesPerSecond: "100 MB/s", Cores: "2 cores", Watts: "500 W", Joules: "0.5 J", Celsius: "80 °C", Hertz: "1,200 MHz"}[u]
}

// given is a number that somebody wrote, as it would be with units.
func (u Unit) given(number string) string {
	switch u {
	case Seconds:
		return number + " ms or " + number + " s"
	case Ratio:
		return number + "%"
	case Bytes:
		return number + " MiB or " + number + " GiB"
	}
	_, unit, _ := strings.Cut(u.Example(), " ")
	return strings.TrimSpace(number + " " + unit)
}

func (m Metric) quantity(written string) (float64, error) {
	parts := regexp.MustCompile(`^(-?[\d.,]+)\s*(.*)$`).FindStringSubmatch(strings.TrimSpace(written))
	if parts == nil || !regexp.MustCompile(`^-?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?$`).MatchString(parts[1]) {
		return 0, fmt.Errorf("%q is no quantity; write %s", written, m.Unit.Example())
	}
	number, err := strconv.ParseFloat(strings.ReplaceAll(parts[1], ",", ""), 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no number", parts[1])
	}
	scale, ok := m.Unit.scales()[parts[2]]
	switch {
	case !ok && parts[2] == "":
		return 0, fmt.Errorf("%q has no unit; write %s", written, m.Unit.given(parts[1]))
	case !ok:
		return 0, fmt.Errorf("%q is no unit of %s; write %s", parts[2], m.Name, m.Unit.Example())
	case number < 0:
		return 0, fmt.Errorf("%q is impossible: %s cannot be negative", written, m.Name)
	case m.Unit == Ratio && number > 100:
		return 0, fmt.Errorf("%q is impossible: %s lies between 0%% and 100%%", written, m.Name)
	}
	v := number * scale
	if m.Unit == Seconds {
		v = math.Round(v*1e9) / 1e9 // 500 ms is 0.5 s, not 0.5000000000000001
	}
	return v, nil
}
