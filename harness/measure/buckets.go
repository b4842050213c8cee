package measure

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// buckets are a histogram of the server's: what fell into each bucket since the
// window began, until the end of the run, over all its label sets.
type buckets struct {
	sets map[string]*bucketSet
	void void
}

// A bucketSet is that of one label set. All of one instant is taken together: when
// the server was started again some buckets may have risen above what they were
// before, and only the others tell.
type bucketSet struct {
	at       time.Duration
	now      map[string]float64 // by bucket: its upper end as it was written, "sum" and "count"
	before   map[string]float64 // as each was read last
	fell     map[string]float64 // inside
	readings int
	known    bool // what there was before
	inside   bool
}

func newBuckets() *buckets { return &buckets{sets: map[string]*bucketSet{}, void: newVoid()} }

func newBucketSet() *bucketSet {
	return &bucketSet{now: map[string]float64{}, before: map[string]float64{}, fell: map[string]float64{}}
}

// takeBucket takes a reading of a histogram that is asked for.
func (w *Sampled) takeBucket(s harness.Sample) {
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		name, ok := strings.CutSuffix(s.Series, part)
		if of := w.buckets[name]; ok && of != nil {
			of.take(s, strings.TrimPrefix(part, "_"), w)
			return
		}
	}
}

func (b *buckets) take(s harness.Sample, part string, w *Sampled) {
	labels := s.Labels
	if part == "bucket" {
		part = s.Labels["le"]
		labels = make(map[string]string, len(s.Labels))
		for k, v := range s.Labels {
			if k != "le" {
				labels[k] = v
			}
		}
	}
	k := ledger.LabelKey(labels)
	set := b.sets[k]
	if set == nil {
		// One that appears while others of the server's had been there has begun at zero.
		set = newBucketSet()
		set.at, set.known = s.At, s.At > w.first(s.Source)
		b.sets[k] = set
	}
	if set.at != s.At {
		set.add()
		set.at = s.At
	}
	set.now[part] = s.Value
	set.inside = s.At > w.from
}

// add is for when all of an instant has come. One counter of a histogram that fell
// says of all of them that they began again.
func (s *bucketSet) add() {
	if len(s.now) == 0 {
		return
	}
	if s.known && s.inside {
		s.readings++
		again := false
		for part, v := range s.now {
			again = again || v < s.before[part]
		}
		for part, v := range s.now {
			s.fell[part] += ledger.Risen(s.before[part], v, again)
		}
	}
	maps.Copy(s.before, s.now)
	s.now, s.known = make(map[string]float64, len(s.now)), true
}

// A bucket ends at a value; so many fell into it and those below.
type bucket struct{ end, below float64 }

// ordered are the label sets in one order: a sum of floats depends on it.
func (b *buckets) ordered() (all []*bucketSet) {
	for _, labels := range slices.Sorted(maps.Keys(b.sets)) {
		all = append(all, b.sets[labels])
	}
	return all
}

// pooled are the buckets of all label sets, with the ends that all of them have, how
// many readings they rest on, and the sum and the number of what fell into them.
func (b *buckets) pooled() (all []bucket, readings int, sum, count float64) {
	ends := map[string]int{}
	sets := b.ordered()
	for _, set := range sets {
		set.add()
		if set.readings == 0 {
			continue
		}
		readings, sum, count = readings+set.readings, sum+set.fell["sum"], count+set.fell["count"]
		for end := range set.fell {
			ends[end]++
		}
	}
	for end, n := range ends {
		at, err := strconv.ParseFloat(end, 64)
		if n < ends["count"] || err != nil {
			continue
		}
		one := bucket{end: at}
		for _, set := range sets {
			one.below += set.fell[end]
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b bucket) int { return int(math.Copysign(1, a.end-b.end)) })
	return all, readings, sum, count
}

// bucketed is the mean of a histogram of the server's, a fact, or a percentile. Of
// that only the bucket is known that it lies in, and that it cannot be so great that
// those above it exceed the sum: the interval goes from the lower end of the bucket in
// which the lowest rank lies that the percentile may have, to the upper end of that of
// the highest. The value is interpolated in its bucket.
func (w *Window) bucketed(name, statistic string) Estimate {
	of := w.Sampled.histogram(name)
	if of == nil {
		return without("no objective asked for " + name)
	}
	all, readings, sum, count := of.pooled()
	switch {
	case readings == 0 && of.void.at != harness.NoTime:
		return without(of.void.says("server", name, 0, true))
	case readings == 0:
		why, _ := w.Sampled.absent(metric.Server, name, metric.UsualAbsence(metric.Server))
		return without(why)
	case count == 0:
		return without(fmt.Sprintf("the server has counted nothing in %s in the measured window", name))
	}
	if unread := w.Sampled.unread("server"); unread != "" {
		return without(unread)
	}
	if void := w.Sampled.ended(of.void, "server").says("server", name, readings, true); void != "" {
		return without(void)
	}
	n := int(count)
	if statistic == "mean" {
		return exact(sum/count, n)
	}
	p, _ := metric.Quantile(statistic)
	if len(all) == 0 {
		return without("the server tells no buckets of " + name)
	}
	e := Estimate{Lo: 0, Hi: math.Inf(1), N: n, Effective: count * dependent(w, p)}
	low, high := stats.Ranks(n, e.Effective, p, Confidence)
	rank := p*(count-1) + 1
	e.Value = min(interpolated(all, rank), atMost(rank, sum, count))
	if low > 0 {
		if e.Lo, _ = around(all, float64(low)); e.Lo > 0 {
			e.Lo = math.Nextafter(e.Lo, math.Inf(1)) // what lies in a bucket is more than its lower end
		}
	}
	if high > 0 {
		_, e.Hi = around(all, float64(high))
		e.Hi = max(e.Value, min(e.Hi, atMost(float64(high), sum, count)))
	}
	return e
}

// dependent is the share of requests that would tell as much of a p-quantile, were
// they independent. A histogram has no order: it is that of the latencies that the
// client saw of them.
func dependent(w *Window, p float64) float64 {
	share := 1.0
	for _, latency := range []metric.Latency{metric.TTFT(), metric.E2E()} {
		if order := &w.figure(latency).order; order.N() > 0 {
			share = min(share, order.EffectiveSize(p)/float64(order.N()))
		}
	}
	return share
}

// atMost bounds what has a rank by the sum of all: those from it on are no smaller.
// The first bucket of vLLM's longer times ends at 300 ms, which says little by itself.
func atMost(rank, sum, count float64) float64 { return sum / (count - math.Floor(rank) + 1) }

// around are the ends of the bucket in which a rank lies, counted from 1.
func around(all []bucket, rank float64) (lo, hi float64) {
	for _, b := range all {
		if b.below >= rank {
			return lo, b.end
		}
		lo = b.end
	}
	return lo, math.Inf(1)
}

// interpolated is a rank's value where those in its bucket lie evenly; of the last
// bucket, which has no end, only where it begins is known.
func interpolated(all []bucket, rank float64) float64 {
	lo, under := 0.0, 0.0
	for _, b := range all {
		if b.below >= rank && b.below > under {
			if math.IsInf(b.end, 1) {
				return lo
			}
			return lo + (b.end-lo)*(rank-under)/(b.below-under)
		}
		lo, under = b.end, b.below
	}
	return lo
}
