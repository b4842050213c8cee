package slo

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// FormatQuantity writes a value for people: "731 ms", "4.2 s", "99.3 %",
// "7.9 per second". Three digits are more than any interval here supports.
func FormatQuantity(v float64, unit Unit) string {
	switch {
	case math.IsNaN(v):
		return "not known"
	case math.IsInf(v, 1):
		if unit == Seconds {
			return "no answer"
		}
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	}
	switch unit {
	case Seconds:
		switch abs := math.Abs(v); {
		case abs == 0:
			return "0 ms"
		case abs < 999.5e-6: // what rounds to 1,000 µs is 1 ms
			return digits(v*1e6) + " µs"
		case abs < 999.5e-3:
			return digits(v*1e3) + " ms"
		default:
			return digits(v) + " s"
		}
	case Ratio:
		return digits(v*100) + " %"
	case PerSecond:
		return digits(v) + " per second"
	case TokensPerSecond:
		return digits(v) + " tokens per second"
	case Tokens:
		return digits(v) + " tokens"
	case Bytes:
		return scaled(v, 1<<10, "bytes", "KiB", "MiB", "GiB")
	case BytesPerSecond:
		return scaled(v, 1000, "bytes/s", "kB/s", "MB/s", "GB/s")
	case Hertz:
		return scaled(v, 1000, "Hz", "kHz", "MHz", "GHz")
	case Joules:
		return scaled(v*1e3, 1000, "mJ", "J", "kJ", "MJ")
	case Cores:
		return plural(v, "core")
	case Watts, Celsius:
		return digits(v) + " " + string(unit)
	case OfBaseline, OfOther:
		return trimmed(v*100, 1) + " % " + string(unit)
	default:
		return digits(v)
	}
}

// scaled writes a value in the greatest unit of which there is one at least.
func scaled(v, step float64, units ...string) string {
	i := 0
	for ; i < len(units)-1 && math.Abs(v) >= step-.5; i++ {
		v /= step
	}
	return digits(v) + " " + units[i]
}

// digits writes three significant digits, whole numbers whole and grouped.
func digits(v float64) string {
	abs := math.Abs(v)
	switch {
	case v == math.Trunc(v) || abs >= 100:
		return grouped(int(math.Round(v)))
	case abs >= 10:
		return trimmed(v, 1)
	case abs >= 1:
		return trimmed(v, 2)
	default:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
}

func trimmed(v float64, places int) string {
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(v, 'f', places, 64), "0"), ".")
}

// grouped is 2417 as "2,417".
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Sentence is the verdict in one line: "missed: p99 TTFT was 731 ms [690, 790],
// n = 2,417, against at most 500 ms".
func (v Verdict) Sentence() string {
	name, limit := v.Name(), v.Expectation()
	if math.IsNaN(v.Value) {
		return fmt.Sprintf("%s: %s is not known, against %s", v.Outcome, name, limit)
	}
	return fmt.Sprintf("%s: %s was %s%s, n = %s, against %s", v.Outcome, name, FormatQuantity(v.Value, v.Unit), v.Interval(), grouped(v.N), limit)
}

// Name is the figure as one says it: "p99 TTFT", or of one class of the traffic
// "chat: p99 TTFT", or at one point of a sweep "p99 TTFT at 8 per second".
func (v Verdict) Name() string { return strings.TrimSpace(v.figure() + " " + v.Setting) }

// figure is the name wherever the figure was measured.
func (v Verdict) figure() string {
	name := strings.TrimSpace(v.Statistic + " " + v.Metric)
	if v.Class != "" {
		name = v.Class + ": " + name
	}
	return name
}

// Expectation is what was asked of it: "at most 500 ms".
func (v Verdict) Expectation() string {
	return strings.TrimSpace(strings.TrimPrefix(v.Text, v.figure()))
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
		return FormatQuantity(f, v.Unit)
	}
	lo, hi := end(v.Lo), end(v.Hi)
	if math.IsInf(v.Hi, 1) && !math.IsInf(v.Value, 1) {
		hi = "?" // too few requests for an upper bound, which is not the same as no answer
	}
	_, unit, _ := strings.Cut(FormatQuantity(v.Value, v.Unit), " ")
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
