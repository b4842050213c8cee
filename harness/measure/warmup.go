package measure

import (
	"fmt"
	"math"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

const (
	batchOf     = 5   // requests; the 5 of MSER-5
	settleFrom  = 100 // batches that a run has at least, for its beginning to be looked at
	settledMost = 4   // the part of a run, as 1 ÷ this, that its beginning may be
)

// DetectWarmup sets where the measured window of a run begins whose scenario says nothing
// of a warm-up, and says so; "" where it begins with the load. The first requests find
// an empty server and flatter it: those are left out before which the mean of the
// others is known best (MSER-5: White, Cobb and Spratt, Winter Simulation Conference
// 2000, 755). A beginning that was slower than what followed is not left out: only
// the scenario can say that a stall does not count.
func DetectWarmup(run *harness.Run) string {
	if open, ok := run.Scenario.Load.(harness.Open); ok && !open.Steady() || run.From > 0 {
		return ""
	}
	ttfts, dues, failed := begunBy(run)
	skip := truncation(ttfts)
	if skip == 0 || skip > len(ttfts)/settledMost || mean(ttfts[:skip]) >= mean(ttfts[skip:]) {
		return ""
	}
	if failed < dues[skip*batchOf] {
		return "" // a failure counts, whenever it was
	}
	run.From = dues[skip*batchOf]
	return fmt.Sprintf("the first %s are not judged: until then %s found a server that was not as busy as later (write how long the warm-up is to judge others)",
		quantity.Roughly(run.From.Seconds()), quantity.Counted(skip*batchOf, "request"))
}

// begunBy are the mean TTFT of each batch, when each request was due, and when the first
// one was that failed.
func begunBy(run *harness.Run) (ttfts []float64, dues []time.Duration, failed time.Duration) {
	sum, failed := 0.0, time.Duration(math.MaxInt64)
	for r := range run.Records {
		if r.Due >= run.To {
			break
		}
		if r.Failed() {
			failed = min(failed, r.Due)
		}
		if r.FirstToken() == harness.NoTime {
			continue
		}
		dues = append(dues, r.Due)
		if sum += r.TTFT().Seconds(); len(dues)%batchOf == 0 {
			ttfts = append(ttfts, sum/batchOf)
			sum = 0
		}
	}
	return ttfts, dues, failed
}

// truncation is the number of batches without which the squared standard error of the
// mean of the others is least, of the first half of them.
func truncation(z []float64) (skip int) {
	if len(z) < settleFrom {
		return 0
	}
	var sum, squares float64
	least := 0.0
	for i := len(z) - 1; i >= 0; i-- {
		sum += z[i]
		squares += z[i] * z[i]
		n := float64(len(z) - i)
		if i > len(z)/2 {
			continue
		}
		if score := (squares - sum*sum/n) / (n * n); i == len(z)/2 || score <= least {
			least, skip = score, i
		}
	}
	return skip
}

func mean(of []float64) float64 {
	sum := 0.0
	for _, v := range of {
		sum += v
	}
	return sum / float64(len(of))
}
