package metric

import "github.com/vllmspec/vllmspec/harness"

// GoodRequest says whether a request is within all limits for its class. One that was not
// answered whole never is.
func GoodRequest(objectives []harness.Objective) func(*harness.Record) bool {
	type limit struct {
		harness.Objective
		of PerRequest
	}
	var limits []limit
	for _, o := range objectives {
		if m, err := OfRow(o); err == nil && m.PerRequest() != nil {
			limits = append(limits, limit{o, m.PerRequest()})
		}
	}
	return func(r *harness.Record) bool {
		if !r.OK() {
			return false
		}
		for _, l := range limits {
			// A request that has no such figure, one token and its TPOT say, is
			// not bad for it.
			if v, ok := l.of.Value(r); ok && (l.Class == "" || l.Class == r.Class) && !Holds(l.Objective, v) {
				return false
			}
		}
		return true
	}
}
