package stats

import "slices"

// A Change is a place in a series from which on its values lie higher or lower.
type Change struct {
	At int     // index of the first value after it
	P  float64 // how likely a split as clear as this would be anywhere in a series without change; at most
}

// Changes finds where the level of a series changes, by cutting it in two at the
// clearest place again and again. A cut is as clear as the exact two-sided test of
// Mann and Whitney says, times the number of places there were to cut, and stands
// where that is at most alpha. Each side of a cut has at least so many values. Nothing
// is drawn at random: the same series has the same changes.
func Changes(values []float64, least int, alpha float64) []Change {
	return changes(values, 0, max(1, least), alpha)
}

func changes(values []float64, offset, least int, alpha float64) []Change {
	places := len(values) - 2*least + 1
	if places < 1 {
		return nil
	}
	best := Change{P: 2}
	for at := least; at <= len(values)-least; at++ {
		s := Unpaired(values[:at], values[at:])
		if p := min(1, 2*min(s.Above(0), s.Below(0))); p < best.P {
			best = Change{At: at, P: p}
		}
	}
	if best.P = min(1, best.P*float64(places)); best.P > alpha {
		return nil
	}
	before := changes(values[:best.At], offset, least, alpha)
	after := changes(values[best.At:], offset+best.At, least, alpha)
	best.At += offset
	return slices.Concat(before, []Change{best}, after)
}
