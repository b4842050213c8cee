package slo

import (
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// answered takes a duration of a request that was answered whole, with some content. One
// that was not has no value: a failed request, or one that was filtered, is never a fast one.
func answered(of func(*harness.Record) time.Duration) func(*harness.Record) (float64, bool) {
	return func(r *harness.Record) (float64, bool) {
		d := of(r)
		return d.Seconds(), r.OK() && len(r.Chunks) > 0 && d >= 0
	}
}

// begun takes a duration of a request whose answer began. One that was given up
// after that has begun all the same.
func begun(of func(*harness.Record) time.Duration) func(*harness.Record) (float64, bool) {
	return func(r *harness.Record) (float64, bool) {
		d := of(r)
		return d.Seconds(), !r.Failed() && len(r.Chunks) > 0 && d >= 0
	}
}

func told(of func(*harness.Record) int) func(*harness.Record) (float64, bool) {
	return func(r *harness.Record) (float64, bool) {
		n := of(r)
		return float64(n), r.OK() && n != harness.Unreported
	}
}

// firstAnswer is when content came that is no reasoning.
func firstAnswer(r *harness.Record) (float64, bool) {
	return (r.FirstAnswer - r.Due).Seconds(), !r.Failed() && r.FirstAnswer != harness.Never
}

// Good says whether a request is within all limits for its class. One that was not
// answered whole never is.
func Good(objectives []harness.Objective) func(*harness.Record) bool {
	type limit struct {
		harness.Objective
		of func(*harness.Record) (float64, bool)
	}
	var limits []limit
	for _, o := range objectives {
		if m, err := Lookup(o.Metric); err == nil && m.Request != nil {
			limits = append(limits, limit{o, m.Request})
		}
	}
	return func(r *harness.Record) bool {
		if !r.OK() {
			return false
		}
		for _, l := range limits {
			// A request that has no such figure, one token and its TPOT say, is
			// not bad for it.
			if v, ok := l.of(r); ok && (l.Class == "" || l.Class == r.Class) && !holds(l.Objective, v) {
				return false
			}
		}
		return true
	}
}

func holds(o harness.Objective, v float64) bool {
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
