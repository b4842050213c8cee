package wire

import (
	"math"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// Counts reads counts of tokens from an object.
type Counts struct {
	Of      gjson.Result
	invalid bool
}

// Number is the count at a path; [harness.Unreported] where there is none.
func (n *Counts) Number(path string) int {
	v := n.Of.Get(path)
	if v.Type != gjson.Number {
		return harness.Unreported
	}
	if v.Num < 0 || v.Num != math.Trunc(v.Num) || v.Num > limit.Tokens {
		n.invalid = true
		return harness.Unreported
	}
	return int(v.Num)
}

// Usage is one of these counts. It says whether one of them is none.
func (n *Counts) Usage(u harness.Usage) *harness.Usage {
	u.Invalid = n.invalid
	return &u
}
