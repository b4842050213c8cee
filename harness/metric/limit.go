package metric

import "github.com/vllmspec/vllmspec/harness"

// Holds reports whether a value is as an objective wants it.
func Holds(o harness.Objective, v float64) bool {
	switch o.Relation {
	case harness.AtMost:
		return v <= o.Limit
	case harness.AtLeast:
		return v >= o.Limit
	case harness.Between:
		return v >= o.Limit && v <= o.Upper
	default:
		return v == o.Limit
	}
}
