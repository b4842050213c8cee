package chart

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/fleet"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/reports/sql"
)

// A Drawing takes a run as it comes, record by record, and keeps what the charts
// need of it: a bounded part, however long the run is. The page of a run that goes
// on and the page of one that has ended come of it alike. Records may come in any
// order, samples in that of their instants.
type Drawing struct {
	bounds   Bounds
	metrics  []metric.Metric // that each request has one value of
	every    int             // one of so many requests is drawn…
	everyAt  int             // …and of so many the tokens one by one
	sampled  []*point
	failed   []*point // the first ones, whatever their number
	slowest  [2]slowest
	chunks   int // kept of the sampled ones
	seen     int
	failures failures
	engines  fleet.Requests // what was asked of each
	pages    fleet.Pages    // what the metrics of each showed

	offered, answered, broken, tokens rate
	watched                           *watching
	issued                            readings // the client's own count
}

// Bounds are how much a drawing keeps.
type Bounds struct {
	Requests int // drawn as points; beside them the first 2,000 that failed and the slowest ones
	Chunks   int // drawn one by one
	Buckets  int // of the rates

	brisk bool // it is sent again and again
}

// Full is for a page that is kept, and Brief for one that is sent anew each second.
func Full() Bounds  { return Bounds{Requests: 100_000, Chunks: 1_500_000, Buckets: 600} }
func Brief() Bounds { return Bounds{Requests: 3000, Chunks: 40_000, Buckets: 300, brisk: true} }

const (
	failedMost  = 2000
	slowestMost = 250
)

// A point is a request that is drawn.
type point struct {
	seq                           int
	class, failure, finish, error string
	engine                        string
	due, ttft, e2e                time.Duration // e2e of a whole answer
	ended                         time.Duration // since due, whatever its end was
	figures                       []uint32      // by metric, as their columns have them
	chunks                        int
	at                            []byte
	beside                        bool // not one of the sample: drawn because it is slow, or failed
}

// NewDrawing is a drawing of a run of so many requests; 0 while unknown.
func NewDrawing(requests int, bounds Bounds) *Drawing {
	d := &Drawing{bounds: bounds, metrics: metric.OfEachRequest(), everyAt: 1, failures: newFailures(), watched: newWatching(bounds.Buckets), issued: readings{most: bounds.Buckets, of: sql.Readings{Rises: true}}}
	d.every = max(1, (requests+bounds.Requests-1)/bounds.Requests)
	for _, r := range []*rate{&d.offered, &d.answered, &d.broken, &d.tokens} {
		*r = newRate(bounds.Buckets)
	}
	d.slowest = [2]slowest{{by: func(p *point) time.Duration { return p.ttft }}, {by: func(p *point) time.Duration { return p.e2e }}}
	return d
}

// Record takes a request.
func (d *Drawing) Record(r *harness.Record) {
	d.seen++
	d.failures.take(r)
	if !r.Warmup {
		d.engines.Take(r)
	}
	d.count(r)
	sampled := r.Seq%d.every == 0
	failed := r.Failure != "" && len(d.failed) < failedMost
	slow := d.slowest[0].wants(r.TTFT()) || d.slowest[1].wants(r.E2E())
	if !sampled && !failed && !slow {
		return
	}
	p := newPoint(r, d.metrics)
	if sampled && p.seq%d.everyAt == 0 || failed || slow {
		p.at, p.chunks = instants(r.Due, r.Chunks), len(r.Chunks)
	}
	if sampled {
		d.sampled = append(d.sampled, p)
		d.chunks += p.chunks
	}
	if failed {
		d.failed = append(d.failed, p)
	}
	d.slowest[0].take(p)
	d.slowest[1].take(p)
	d.thin()
}

// count adds up what came when.
func (d *Drawing) count(r *harness.Record) {
	d.offered.add(r.Due, 1)
	if r.OK() {
		d.answered.add(r.Done, 1)
	} else if r.Failed() {
		d.broken.add(max(r.Done, r.Due), 1)
	}
	if r.OutputTokens <= 0 || r.Failed() {
		return // as the output throughput has it
	}
	for at, tokens := range metric.Arrivals(r) {
		d.tokens.add(at, tokens)
	}
}

// fewest is the greatest number of requests of which one still keeps its tokens.
const fewest = 1 << 20

// thin leaves every second point out once there are too many, and of the others
// the tokens of every second one.
func (d *Drawing) thin() {
	for len(d.sampled) > d.bounds.Requests {
		d.every *= 2
		d.sampled = slices.DeleteFunc(d.sampled, func(p *point) bool {
			if p.seq%d.every == 0 {
				return false
			}
			d.chunks -= p.chunks
			return true
		})
	}
	for d.chunks > d.bounds.Chunks && d.everyAt < fewest { // beyond it the slowest and the failed ones alone are as many
		d.everyAt *= 2
		for _, p := range d.sampled {
			if p.chunks > 0 && p.seq%d.everyAt != 0 && !d.slowest[0].has(p) && !d.slowest[1].has(p) && p.failure == "" {
				d.chunks -= p.chunks
				p.chunks, p.at = 0, nil
			}
		}
	}
}

// requests are all that is drawn, each once.
func (d *Drawing) requests() Requests {
	all := slices.Concat(d.sampled, d.failed, d.slowest[0].points, d.slowest[1].points)
	slices.SortFunc(all, func(a, b *point) int { return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.seq, b.seq)) })
	all = slices.Compact(all)
	for _, p := range all {
		p.beside = p.seq%d.every != 0
	}
	r := pack(all, d.metrics)
	r.Seen, r.Every, r.brisk = d.seen, d.every, d.bounds.brisk
	return r
}

func newPoint(r *harness.Record, metrics []metric.Metric) *point {
	p := &point{seq: r.Seq, class: r.Class, failure: string(r.Failure), finish: r.Finish, error: r.Error, engine: r.Replica,
		due: r.Due, ttft: r.TTFT(), e2e: harness.NoTime, ended: r.E2E(), figures: figuresOf(r, metrics)}
	if r.OK() {
		p.e2e = r.E2E()
	}
	if len(p.error) > 400 {
		p.error = p.error[:400] + "…"
	}
	return p
}

// slowest are the few requests that took longest, so that no thinning hides them.
type slowest struct {
	by     func(*point) time.Duration
	points []*point
	bar    time.Duration // of the quickest of them, once there are enough
}

func (s *slowest) wants(v time.Duration) bool {
	return v >= 0 && (len(s.points) < slowestMost || v > s.bar)
}

func (s *slowest) take(p *point) {
	if !s.wants(s.by(p)) {
		return
	}
	// Twice as many are kept, so that sorting is rare.
	s.points = append(s.points, p)
	if len(s.points) < 2*slowestMost {
		return
	}
	slices.SortFunc(s.points, func(a, b *point) int { return cmp.Compare(s.by(b), s.by(a)) })
	clear(s.points[slowestMost:])
	s.points = s.points[:slowestMost]
	s.bar = s.by(s.points[slowestMost-1])
}

func (s *slowest) has(p *point) bool {
	return s.by(p) >= 0 && len(s.points) >= slowestMost && s.by(p) >= s.bar
}

// A rate adds up amounts in buckets of time, which grow as the run does.
type rate struct {
	step    float64 // s
	buckets []float64
	most    int
}

func newRate(most int) rate { return rate{step: 1, most: most} }

func (r *rate) add(at time.Duration, amount float64) {
	if at < 0 {
		return
	}
	i := int(at.Seconds() / r.step)
	for i >= r.most {
		r.double()
		i = int(at.Seconds() / r.step)
	}
	for len(r.buckets) <= i {
		r.buckets = append(r.buckets, 0)
	}
	r.buckets[i] += amount
}

func (r *rate) double() {
	for i := range r.buckets {
		if i%2 == 0 {
			r.buckets[i/2] = r.buckets[i]
		} else {
			r.buckets[i/2] += r.buckets[i]
		}
	}
	r.buckets = r.buckets[:(len(r.buckets)+1)/2]
	r.step *= 2
}

// perSecond is the rate up to an instant; the last bucket, which is cut, by the
// part of it that there was.
func (r *rate) perSecond(step, until float64) Series {
	for r.step < step {
		r.double()
	}
	s := NewSeries("")
	for i := 0; float64(i)*r.step < until; i++ {
		v, width := 0.0, math.Min(r.step, until-float64(i)*r.step)
		if i < len(r.buckets) {
			v = r.buckets[i]
		}
		if width < r.step/2 && i > 0 {
			break // too short to be a rate
		}
		s.Add(float64(i)*r.step, v/width)
	}
	return s
}

func round4(v float64) float64 {
	if v == 0 || math.Abs(v) >= 1000 {
		return math.Round(v)
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}
