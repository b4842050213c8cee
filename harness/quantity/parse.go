package quantity

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// isNumber is the grammar of numbers: groups of three digits may be parted by commas.
var isNumber = regexp.MustCompile(`^-?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?$`)

// Number reads a number as people write it: "8", "7.5", "1,000".
func Number(s string) (float64, error) {
	if !isNumber.MatchString(s) {
		return 0, fmt.Errorf("%q is no number; write 8, 7.5 or 1,000", s)
	}
	return strconv.ParseFloat(strings.ReplaceAll(s, ",", ""), 64)
}

// Parse reads a quantity as one writes it in a table, "500 ms" or "5%", into the base
// unit. Errors name what the quantity is of.
func Parse(written string, unit Unit, of string) (float64, error) {
	parts := regexp.MustCompile(`^(-?[\d.,]+)\s*(.*)$`).FindStringSubmatch(strings.TrimSpace(written))
	if parts == nil || !isNumber.MatchString(parts[1]) {
		return 0, fmt.Errorf("%q is no quantity; write %s", written, unit.Example())
	}
	number, err := Number(parts[1])
	if err != nil {
		return 0, fmt.Errorf("%q is no number", parts[1])
	}
	scale, ok := unit.scales()[parts[2]]
	switch {
	case !ok && parts[2] == "":
		return 0, fmt.Errorf("%q has no unit; write %s", written, unit.given(parts[1]))
	case !ok:
		return 0, fmt.Errorf("%q is no unit of %s; write %s", parts[2], of, unit.Example())
	case number < 0:
		return 0, fmt.Errorf("%q is impossible: %s cannot be negative", written, of)
	case unit == Ratio && number > 100:
		return 0, fmt.Errorf("%q is impossible: %s lies between 0%% and 100%%", written, of)
	}
	v := number * scale
	if unit == Seconds {
		v = math.Round(v*1e9) / 1e9 // 500 ms is 0.5 s, not 0.5000000000000001
	}
	return v, nil
}
