package quantity

import (
	"math"
	"strconv"
	"strings"
)

// Format writes a value for people: "731 ms", "4.2 s", "99.3 %",
// "7.9 per second". Three digits are more than any interval here supports.
func Format(v float64, unit Unit) string {
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
			return Digits(v*1e6) + " µs"
		case abs < 999.5e-3:
			return Digits(v*1e3) + " ms"
		default:
			return Digits(v) + " s"
		}
	case Ratio:
		return Digits(v*100) + " %"
	case PerSecond:
		return Digits(v) + " per second"
	case TokensPerSecond:
		return Digits(v) + " tokens per second"
	case SecondsPerSecond:
		return Digits(v) + " seconds per second"
	case Tokens:
		return Digits(v) + " tokens"
	case Bytes:
		return scaled(v, 1<<10, "bytes", "KiB", "MiB", "GiB")
	case BytesPerSecond:
		return scaled(v, 1000, "bytes/s", "kB/s", "MB/s", "GB/s")
	case Hertz:
		return scaled(v, 1000, "Hz", "kHz", "MHz", "GHz")
	case Joules:
		return scaled(v*1e3, 1000, "mJ", "J", "kJ", "MJ")
	case Cores:
		return Plural(v, "core")
	case Watts, Celsius:
		return Digits(v) + " " + string(unit)
	case OfBaseline, OfOther:
		return trimmed(v*100, 1) + " % " + string(unit)
	default:
		return Digits(v)
	}
}

// scaled writes a value in the greatest unit of which there is one at least.
func scaled(v, step float64, units ...string) string {
	i := 0
	for ; i < len(units)-1 && math.Abs(v) >= step-.5; i++ {
		v /= step
	}
	return Digits(v) + " " + units[i]
}

// Digits writes three significant digits, whole numbers whole and grouped.
func Digits(v float64) string {
	abs := math.Abs(v)
	switch {
	case v == math.Trunc(v) || abs >= 100:
		return Grouped(int(math.Round(v)))
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

// Grouped is 2417 as "2,417".
func Grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural is "1 core", "2.5 cores".
func Plural(n float64, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return Digits(n) + " " + of + "s"
}

// Counted is "1 request", "2 requests".
func Counted(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return Grouped(n) + " " + of + "s"
}

// Roughly is a time for people: "40 seconds", "7 minutes", "3 hours".
func Roughly(seconds float64) string {
	switch {
	case seconds < 100:
		return Plural(math.Max(1, math.Round(seconds)), "second")
	case seconds < 100*60:
		return Plural(math.Round(seconds/60), "minute")
	}
	return Plural(math.Round(seconds/3600), "hour")
}
