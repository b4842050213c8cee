package slo

import (
	"math"

	"github.com/vllmspec/vllmspec/harness"
)

// Unanswered is the verdict on a row of which nothing can be said, and why.
func Unanswered(o harness.Objective, why ...string) Verdict {
	return Verdict{Objective: o, Value: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Outcome: Unknown, Notes: why}
}
