package fleet

import (
	"maps"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness/stats"
)

// A Contrast compares engines by how many of their requests were too slow, in each of several parts of the run.
type Contrast struct {
	from, to time.Duration
	engines  map[string]*[parts]cell
	tooMany  bool
}

// parts of a run, in which engines are compared with each other: what made all engines slow for a time, as a burst
// does, is then on both sides.
const parts = 24

// A cell is how many requests of an engine there were in a part of the run, and how many of them were too slow.
type cell struct{ n, slow int }

// NewContrast is the comparison of what is due between two instants.
func NewContrast(from, to time.Duration) *Contrast {
	return &Contrast{from: from, to: to, engines: map[string]*[parts]cell{}}
}

// Take takes a request: the engine that it was put down to, when it was due, and whether it was too slow.
func (c *Contrast) Take(engine string, due time.Duration, slow bool) {
	if engine == "" || due < c.from || due >= c.to {
		return
	}
	of := c.engines[engine]
	if of == nil {
		if len(c.engines) == Most {
			c.tooMany = true
			return
		}
		of = new([parts]cell)
		c.engines[engine] = of
	}
	i := int(int64(due-c.from) * parts / int64(c.to-c.from))
	of[i].n++
	if slow {
		of[i].slow++
	}
}

// A Suspect is an engine that has more than its share of the slow requests.
type Suspect struct {
	Name           string
	Slow, Requests float64 // its shares: of the requests that were too slow, and of all
}

// What an engine must be to be named: so many times as often slow as the others, with so many slow requests, and so
// surely that one would be named by chance in one of a thousand runs at most, however many engines there are.
const (
	timesAsOften = 1.5
	slowLeast    = 10
	byChance     = 0.001
)

// Slow is the engine that has clearly more than its share of the slow requests, of several the one with most of them;
// false where none has.
func (c *Contrast) Slow() (Suspect, bool) {
	var worst Suspect
	if c.tooMany || len(c.engines) < 2 {
		return worst, false
	}
	for _, name := range slices.Sorted(maps.Keys(c.engines)) {
		if s := c.suspect(name); s.Slow > worst.Slow {
			worst = s
		}
	}
	return worst, worst.Slow > 0
}

// suspect holds an engine against the others; the zero value where nothing clear speaks against it.
func (c *Contrast) suspect(name string) Suspect {
	var own, others cell
	var rates, othersRates []float64
	var course stats.Sequence
	var excess stats.Mean
	for i := range parts {
		here, there := c.engines[name][i], cell{}
		for other, of := range c.engines {
			if other != name {
				there.n, there.slow = there.n+of[i].n, there.slow+of[i].slow
			}
		}
		own.n, own.slow, others.n, others.slow = own.n+here.n, own.slow+here.slow, others.n+there.n, others.slow+there.slow
		if here.n > 0 && there.n > 0 && here.slow+there.slow > 0 {
			rates, othersRates = append(rates, here.rate()), append(othersRates, there.rate())
			course.Add(here.rate() - there.rate())
			excess.Add(here.rate() - there.rate())
		}
	}
	alpha := byChance / float64(len(c.engines))
	if own.slow < slowLeast || own.rate() < timesAsOften*others.rate() || len(rates) == 0 {
		return Suspect{}
	}
	all, slow := float64(own.n+others.n), own.slow+others.slow
	s := Suspect{Name: name, Slow: float64(own.slow) / float64(slow), Requests: float64(own.n) / all}
	// Slow requests come in bunches: one busy minute of an engine is one piece of evidence, not a hundred. So the parts
	// of the run are counted, in which it was slower than the others; beside them the plain share must be unlike too.
	low, _ := stats.Share(own.slow, slow, float64(slow), 1-2*alpha)
	_, least, _ := excess.Interval(course.EffectiveSizeOfMean(), 1-2*alpha)
	if stats.Paired(othersRates, rates).Above(0) > alpha || low <= s.Requests || !(least > 0) {
		return Suspect{}
	}
	return s
}

func (c cell) rate() float64 { return float64(c.slow) / float64(max(1, c.n)) }
