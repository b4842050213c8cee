package slo

import (
	"fmt"
	"math"
	"strings"

	"github.com/vllmspec/vllmspec/harness/quantity"
)

// Sentence is the verdict in one line: "missed: p99 TTFT was 731 ms [690, 790],
// n = 2,417, against at most 500 ms".
func (v Verdict) Sentence() string {
	name, limit := v.Name(), v.Expectation()
	if math.IsNaN(v.Value) {
		return fmt.Sprintf("%s: %s is not known, against %s", v.Outcome, name, limit)
	}
	return fmt.Sprintf("%s: %s was %s%s, n = %s, against %s", v.Outcome, name, quantity.Format(v.Value, v.Unit), v.Interval(), quantity.Grouped(v.N), limit)
}

// Expectation is what was asked of it: "at most 500 ms".
func (v Verdict) Expectation() string {
	return strings.TrimSpace(strings.TrimPrefix(v.Text, v.Subject()))
}

// Interval is " [690, 790]" in the unit of the value, or " [690 ms, 1.2 s]" where
// the ends have another one; nothing where the value is all there is.
func (v Verdict) Interval() string {
	if v.Lo == v.Hi || math.IsNaN(v.Lo) && math.IsNaN(v.Hi) {
		return ""
	}
	end := func(f float64) string {
		if math.IsInf(f, -1) || math.IsNaN(f) {
			return "?"
		}
		return quantity.Format(f, v.Unit)
	}
	lo, hi := end(v.Lo), end(v.Hi)
	if math.IsInf(v.Hi, 1) && !math.IsInf(v.Value, 1) {
		hi = "?" // too few requests for an upper bound, which is not the same as no answer
	}
	_, unit, _ := strings.Cut(quantity.Format(v.Value, v.Unit), " ")
	plain := func(s string) (string, bool) {
		number, u, _ := strings.Cut(s, " ")
		return number, s == "?" || u == unit && !math.IsInf(v.Value, 0)
	}
	if l, ok := plain(lo); ok {
		if h, ok := plain(hi); ok {
			lo, hi = l, h
		}
	}
	return fmt.Sprintf(" [%s, %s]", lo, hi)
}
