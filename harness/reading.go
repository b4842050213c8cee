package harness

import (
	"math"
	"strconv"

	"github.com/vllmspec/vllmspec/harness/vllm"
)

// NoValue is what stands in place of a value: "NaN", "+Inf", or a number below zero
// of a series of vLLM's, all of which count or measure something that there cannot be
// less than nothing of; "" where the value is one.
func (r Reading) NoValue() string {
	below := r.Value < 0 && (vllm.IsSeries(r.Series) || r.Series == "http_requests_total")
	if below || math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
		return strconv.FormatFloat(r.Value, 'g', -1, 64)
	}
	return ""
}
