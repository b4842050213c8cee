package chart

import (
	"math"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// A Bar draws an interval against its limit, on one scale for all objectives:
// the limit stands in the middle, zero at the left, twice the limit at the
// right. What lies beyond is drawn at the edge. All is in per cent of the width.
type Bar struct {
	Known            bool // there is a value to draw
	AllowedX, AllowW float64
	LimitX, UpperX   float64 // UpperX is 0 where there is one limit only
	X, W             float64 // the interval
	ValueX           float64
}

// NewBar is the bar of a verdict.
func NewBar(v slo.Verdict) Bar {
	middle := v.Limit
	if v.Relation == harness.Between {
		middle = (v.Limit + v.Upper) / 2
	}
	at := func(value float64) float64 {
		switch {
		case math.IsNaN(value) || math.IsInf(value, -1):
			return 0
		case math.IsInf(value, 1):
			return 100
		case middle == 0:
			return map[bool]float64{true: 50, false: 100}[value == 0]
		}
		return min(100, max(0, value/middle*50))
	}
	b := Bar{Known: !math.IsNaN(v.Value), LimitX: at(v.Limit), ValueX: at(v.Value)}
	switch v.Relation {
	case harness.AtMost:
		b.AllowW = b.LimitX
	case harness.AtLeast:
		b.AllowedX, b.AllowW = b.LimitX, 100-b.LimitX
	case harness.Between:
		b.UpperX = at(v.Upper)
		b.AllowedX, b.AllowW = b.LimitX, b.UpperX-b.LimitX
	}
	b.X = at(v.Lo)
	b.W = max(0, at(v.Hi)-b.X)
	return b
}
