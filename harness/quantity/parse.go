package quantity

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// number is the grammar of numbers: groups of three digits may be parted by commas, and the first group does not begin with
// 0; k is a thousand and M a million.
const number = `-?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d+)?`

var (
	isNumber   = regexp.MustCompile(`^(` + number + `)([kKM]?)$`)
	isQuantity = regexp.MustCompile(`^(-?[\d.,]+(?:[kKM]\b)?)\s*(.*)$`)
	isTime     = regexp.MustCompile(`^(` + number + `)\s*([^\d\s.,]+)\s*(?:(?:and|,)\s+)?`)
	isGrouped  = regexp.MustCompile(`^-?\d{1,3},\d{3}$`)
	isFraction = regexp.MustCompile(`^-?0+,(\d+)([^\d.,].*)?$`)
)

// fraction is the error for "0,500", which is a half where a comma is the decimal point; nil for another text.
func fraction(s string) error {
	parts := isFraction.FindStringSubmatch(s)
	if parts == nil {
		return nil
	}
	right := strings.TrimRight("0."+strings.TrimRight(parts[1], "0"), ".")
	return fmt.Errorf("%q: thousands do not begin with 0; write %s", s, right+parts[2])
}

// Number reads a number as people write it: "8", "7.5", "1,000", "1.5k", "2M".
func Number(s string) (float64, error) {
	parts := isNumber.FindStringSubmatch(s)
	if err := fraction(s); err != nil {
		return 0, err
	}
	if parts == nil {
		return 0, fmt.Errorf("%q is no number; write 8, 7.5 or 1,000", s)
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(parts[1], ",", ""), 64)
	switch parts[2] {
	case "k", "K":
		n = math.Round(n*1e9) / 1e6 // 1.1k is 1,100, not 1100.0000000000002
	case "M":
		n = math.Round(n*1e9) / 1e3
	}
	return n, err
}

// Parse reads a quantity as one writes it in a table, "500 ms" or "5%", into the base
// unit. Errors name what the quantity is of.
func Parse(written string, unit Unit, of string) (float64, error) {
	v, _, err := Read(written, unit, of)
	return v, err
}

// Read is Parse, and gives the quantity as it is written everywhere, in whatever way it was typed: "1.5k tok/s" is
// "1,500 tokens per second". Two that are written alike are one.
func Read(written string, unit Unit, of string) (v float64, canonical string, err error) {
	written = strings.TrimSpace(written)
	if err := fraction(written); err != nil {
		return 0, "", err
	}
	parts := isQuantity.FindStringSubmatch(written)
	if parts == nil || !isNumber.MatchString(parts[1]) {
		return 0, "", fmt.Errorf("%q is no quantity; write %s", written, unit.Example())
	}
	number, err := Number(parts[1])
	if err != nil {
		return 0, "", fmt.Errorf("%q is no number", parts[1])
	}
	in, ok := unit.named(parts[2])
	switch {
	case !ok && parts[2] == "":
		return 0, "", fmt.Errorf("%q has no unit; write %s", written, unit.given(parts[1]))
	case !ok:
		return 0, "", unit.unknown(parts[1], parts[2], of)
	case unit == Seconds && in.scale >= 1 && isGrouped.MatchString(parts[1]): // of milliseconds it is a thousand without doubt
		return 0, "", fmt.Errorf("%q could be %s %s or %s %[3]s; write one of these", written, strings.TrimRight(strings.Replace(parts[1], ",", ".", 1), "0"), in.name, strings.ReplaceAll(parts[1], ",", ""))
	case number < 0:
		return 0, "", fmt.Errorf("%q is impossible: %s cannot be negative", written, of)
	case unit == Ratio && number > 100:
		return 0, "", fmt.Errorf("%q is impossible: %s lies between 0%% and 100%%", written, of)
	}
	v = number * in.scale
	if unit == Seconds {
		v = math.Round(v*1e9) / 1e9 // 500 ms is 0.5 s, not 0.5000000000000001
	}
	return v, in.write(number), nil
}

// A NoTime is a text that is no time.
type NoTime struct {
	Text string
	Unit string // that is none of time; "" where the text has no number, or no unit
}

// Error says what would be one.
func (n *NoTime) Error() string {
	if n.Unit != "" {
		return fmt.Sprintf("%q is no unit of time", n.Unit)
	}
	return fmt.Sprintf("%q is no time; write 30 seconds, 5 minutes or 1 hour", n.Text)
}

// longestM is how many m are minutes without doubt: 500m is more probably a slip for 500 ms.
const longestM = 60

// Duration reads a time as people write it: "30 seconds", "5 min", "300ms", "1 hour and 30 minutes". Its errors are
// *[NoTime], or that it is negative or could be two.
func Duration(s string) (time.Duration, error) {
	rest, total := strings.TrimSpace(s), 0.0
	if rest == "" {
		return 0, &NoTime{Text: s}
	}
	for rest != "" {
		if err := fraction(rest); err != nil {
			return 0, err
		}
		parts := isTime.FindStringSubmatch(rest)
		if parts == nil {
			return 0, &NoTime{Text: s}
		}
		in, ok := Seconds.named(parts[2])
		if parts[2] == "m" { // in a limit it could be a slip for ms
			in, ok = Seconds.named("min")
		}
		if !ok {
			return 0, &NoTime{Text: s, Unit: parts[2]}
		}
		n, err := Number(parts[1])
		if err != nil {
			return 0, &NoTime{Text: s}
		}
		if n < 0 {
			return 0, fmt.Errorf("%q: a time cannot be negative", s)
		}
		if parts[2] == "m" && n > longestM {
			return 0, fmt.Errorf("%q could be minutes or milliseconds; write %s min or %[2]s ms", s, parts[1])
		}
		total += n * in.scale
		rest = rest[len(parts[0]):]
	}
	return time.Duration(math.Round(total * float64(time.Second))), nil
}
