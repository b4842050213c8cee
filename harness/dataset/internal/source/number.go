package source

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// missing are the words by which programs say that a cell of a table has no value.
var missing = []string{"", "nan", "none", "null", "<na>", "n/a", "#n/a"}

// IsMissing reports whether a cell has no value.
func IsMissing(cell string) bool {
	const longest = 4
	cell = strings.TrimSpace(cell)
	return len(cell) <= longest && slices.Contains(missing, strings.ToLower(cell))
}

// ParseWhole reads a whole number as programs write them: 16, 16.0, 1.6e1; with a decimal
// comma 16,0. ok is false where the cell has none.
func ParseWhole(cell string, decimalComma bool) (n int64, ok bool, err error) {
	if IsMissing(cell) {
		return 0, false, nil
	}
	s := strings.TrimSpace(cell)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true, nil
	}
	if whole, zeros, found := strings.Cut(s, ","); found && decimalComma && (zeros == "0" || zeros == "00") {
		s = whole
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v != math.Trunc(v) || math.Abs(v) > 1<<53 {
		return 0, false, fmt.Errorf("%q; it must be a whole number", cell)
	}
	return int64(v), true, nil
}
