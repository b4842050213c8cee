package metric

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// Selector splits "name{label=value,…}", which [checkSelector] has accepted.
func Selector(name string) (plain string, where map[string]string) {
	plain, rest, ok := strings.Cut(strings.TrimSuffix(name, "}"), "{")
	if !ok {
		return name, nil
	}
	where = map[string]string{}
	for _, pair := range pairs(rest) {
		label, value, _ := strings.Cut(pair, "=")
		where[strings.TrimSpace(label)] = strings.Trim(strings.TrimSpace(value), `"`)
	}
	return plain, where
}

// pairs are what stands between commas; those inside quotes separate nothing.
func pairs(rest string) (out []string) {
	quoted, from := false, 0
	for i, c := range rest {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			out, from = append(out, rest[from:i]), i+1
		}
	}
	if last := rest[from:]; strings.TrimSpace(last) != "" {
		out = append(out, last)
	}
	return out
}

var (
	seriesName = regexp.MustCompile(`^[A-Za-z_:][\w:.]*$`)
	labelPair  = regexp.MustCompile(`^\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)?\s*("[^"]*"|[^"{}]*)\s*$`)
)

// checkSelector says what of a series in quotes cannot be read.
func checkSelector(series string) error {
	plain, rest, labelled := strings.Cut(series, "{")
	if !seriesName.MatchString(plain) {
		return fmt.Errorf(`%q is no name of a series; write vllm.NumRequestsRunning, or vllm.NumRequestsRunning + "{engine=0}"`, plain)
	}
	if !labelled {
		return nil
	}
	rest, closed := strings.CutSuffix(rest, "}")
	if !closed {
		return fmt.Errorf("the labels of %s do not end: write {label=value}", plain)
	}
	for _, pair := range pairs(rest) {
		parts := labelPair.FindStringSubmatch(pair)
		switch {
		case parts == nil || parts[2] == "":
			return fmt.Errorf("%q is no label of %s: write {label=value}", strings.TrimSpace(pair), plain)
		case parts[2] != "=":
			return fmt.Errorf("%q cannot be read: of the labels of a series only label=value is supported; leave %s out, or write a row for each value that is meant", strings.TrimSpace(pair), parts[1])
		}
	}
	return nil
}

// RawSeries are the series of the server's that rows name in quotes, or that their own metrics need, without their labels.
func RawSeries(rows []harness.Objective) (names []string) {
	for _, o := range rows {
		if m, err := OfRow(o); o.Own != "" && err == nil {
			names = append(names, m.ofServer()...)
			continue
		}
		raw, quoted := strings.CutPrefix(o.Metric, `"`)
		if !quoted {
			continue
		}
		plain, _ := Selector(strings.TrimSuffix(raw, `"`))
		for _, name := range []string{plain, vllm.CurrentSeries(plain)} {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
