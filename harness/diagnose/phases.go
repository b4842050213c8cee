package diagnose

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// Phases are where the time of a request went, in seconds.
type Phases struct {
	Client   float64 `json:"client_s"`    // until it was sent: ours, or for want of a slot that the scenario bounds
	Network  float64 `json:"network_s"`   // connecting, headers, and what the server does not count
	FrontEnd float64 `json:"front_end_s"` // in the server, but outside of its engine: until that has the request, and from there to the first token on its way out
	Queue    float64 `json:"queue_s"`     // in the engine, before its first step
	Prefill  float64 `json:"prefill_s"`   // from there to the first token
	Decode   float64 `json:"decode_s"`    // from there to the end, without stalls
	Stall    float64 `json:"stall_s"`     // time in which nothing came although it was the server's turn
	Server   float64 `json:"server_s"`    // between headers and first token, where how to split it is unknown
}

// phases are those of [Phases.each], in its order.
func phases() []slo.Phase {
	return []slo.Phase{slo.PhaseClient, slo.PhaseNetwork, slo.PhaseFrontEnd, slo.PhaseQueue, slo.PhasePrefill, slo.PhaseDecode, slo.PhaseStall, slo.PhaseServer}
}

// each are the times of the phases, in the order of a request's life.
func (p *Phases) each() []*float64 {
	return []*float64{&p.Client, &p.Network, &p.FrontEnd, &p.Queue, &p.Prefill, &p.Decode, &p.Stall, &p.Server}
}

func (p *Phases) add(q Phases) {
	to := p.each()
	for i, v := range q.each() {
		*to[i] += *v
	}
}

// over is the mean of so many.
func (p Phases) over(n int) Phases {
	for _, v := range p.each() {
		*v /= float64(max(1, n))
	}
	return p
}

// Total is the time of all phases.
func (p Phases) Total() (s float64) {
	for _, v := range p.each() {
		s += *v
	}
	return s
}

// A course is a request's time until its first token, and from there on.
type course struct{ before, after Phases }

func (c course) whole() Phases {
	c.before.add(c.after)
	return c.before
}

// split says where the time of a request went. Where the server timed the request, its own
// times count. Else its histograms bound them from above: no first token that it gave in
// those seconds came later than the greatest bucket that gained, so a longer wait was
// outside of the server. The front end's time is subtracted from the rest, which is
// divided in the ratio of queue and prefill times of the requests that ended in the same
// second.
func (t *timeline) split(r *harness.Record) (c course) {
	if !hasPhases(r) {
		return c
	}
	c.before.Client = max(0, r.Lag()).Seconds()
	c.before.Network = max(0, r.Connecting).Seconds()
	end := r.Done
	if len(r.Chunks) > 0 {
		end = r.Chunks[0]
	}
	if end == harness.NoTime || end < r.Sent {
		return c
	}
	wait := (end - r.Sent).Seconds()
	// The headers of an answer that comes at once come with it, and say nothing of the network.
	if h := r.Headers; r.Seen != harness.SeenNone && h != harness.NoTime && h <= end && (end-h > (end-r.Sent)/50 || len(r.Chunks) == 0) {
		// A busy front end sends headers late, too: what it took by its own account is not the network's.
		ahead := max(0, (h-r.Sent).Seconds()-t.frontEnd().mean())
		c.before.Network += ahead
		wait -= ahead
	}
	t.splitWait(r, end, wait, &c.before)
	c.after = after(r)
	return c
}

// hasPhases reports whether it can be said where the time of a request went: of one that another tool sent, of
// which it is not known when it was due, and whose first token is not known either, nothing can be kept apart.
func hasPhases(r *harness.Record) bool {
	return r.Sent != harness.NoTime && (r.Seen != harness.SeenNone || !r.DueUnknown)
}

// splitWait divides the seconds before the first token, or before the end.
func (t *timeline) splitWait(r *harness.Record, end time.Duration, rest float64, p *Phases) {
	most, bounded := t.latestFirst(r.Sent, end)
	if r.ServerQueue != harness.NoTime && r.ServerPrefill != harness.NoTime {
		p.Queue = min(rest, r.ServerQueue.Seconds())
		p.Prefill = min(rest-p.Queue, r.ServerPrefill.Seconds())
		rest -= p.Queue + p.Prefill
		if bounded {
			p.FrontEnd = min(rest, max(0, most-p.Queue-p.Prefill))
		}
		p.Network += rest - p.FrontEnd
		return
	}
	p.Stall = min(rest, t.stoodIn(r.Sent, end).Seconds())
	rest -= p.Stall
	pooled := r.OK() && r.Inputs > 0 // it is over with its prefill
	if len(r.Chunks) == 0 && !pooled || !t.read() {
		p.Server += rest
		return
	}
	if bounded && rest > most {
		p.Network += rest - most
		rest = most
	}
	share, told := t.queueShare(r.Done)
	if !told {
		p.Server += rest
		return
	}
	p.FrontEnd = t.inFront(r.Done, rest)
	rest -= p.FrontEnd
	p.Queue, p.Prefill = rest*share, rest*(1-share)
}

// inFront is the front end's part of a wait. One that has little to do takes about as long
// for each request; a busy one has a queue of its own, and takes its share of each wait. It
// took more where the engine cannot have had the request for the rest, by the greatest
// buckets of its times that gained when the request ended.
func (t *timeline) inFront(done time.Duration, wait float64) float64 {
	f := t.frontEnd()
	front := min(wait, f.mean())
	if f.mean() >= busyFrontEnd && f.mean() >= f.engine {
		front = wait * f.mean() / f.first
	}
	var queue, prefill float64
	told := false
	for _, k := range t.between(done-readLate, done+1) {
		if k.queue.n > 0 && k.prefill.n > 0 {
			queue, prefill, told = max(queue, k.queue.most), max(prefill, k.prefill.most), true
		}
	}
	if told {
		front = max(front, wait-queue-prefill)
	}
	return front
}

// busyFrontEnd is how long a front end takes on average that has more to do than it
// can, in s. Real ones took 7 to 12 ms with up to 32 streams, and 670 with 512.
const busyFrontEnd = 0.100

// readLate is how long after a request has ended at the server its client may see it.
const readLate = 100 * time.Millisecond

// A frontEnd is the mean time in the server's front end, from the server's means over the
// whole run: the time to the first token less queue and prefill. It is zero where the
// engine's times are those of other requests.
type frontEnd struct {
	first, engine float64 // mean s until the first token, and of that in queue and prefill
}

func (f frontEnd) mean() float64 { return max(0, f.first-f.engine) }

// uncountedMost is the share of first tokens whose requests may be missing in the
// engine's times, as of those that were given up, or the other way round.
const uncountedMost = 0.05

// frontEnd compares means over the whole run. In its parts they are those of other
// requests: a first token counts when it comes, queue and prefill when all has come.
func (t *timeline) frontEnd() frontEnd {
	if t.front != nil {
		return *t.front
	}
	var first, queue, prefill spread
	for _, k := range t.ticks {
		first.add(k.first)
		queue.add(k.queue)
		prefill.add(k.prefill)
	}
	t.front = new(frontEnd)
	if off := max(math.Abs(first.n-queue.n), math.Abs(first.n-prefill.n)); first.n > 0 && off <= uncountedMost*first.n {
		*t.front = frontEnd{first.mean(), queue.mean() + prefill.mean()}
	}
	return *t.front
}

// latestFirst is how late a first token came at most, by the server's own account,
// of those that it gave between two instants.
func (t *timeline) latestFirst(from, to time.Duration) (most float64, told bool) {
	for _, k := range t.between(from, to) {
		if k.first.n > 0 {
			most, told = max(most, k.first.most), true
		}
	}
	return most, told
}

// queueShare is the queue's part of queue and prefill, of requests that ended at
// about an instant, or of all where none did.
func (t *timeline) queueShare(at time.Duration) (share float64, told bool) {
	ticks := t.between(at-1, at+1)
	of := func(ticks []tick) (share float64, told bool) {
		queue, prefill := 0.0, 0.0
		for _, k := range ticks {
			queue, prefill = queue+k.queue.sum, prefill+k.prefill.sum
		}
		return queue / (queue + prefill), queue+prefill > 0
	}
	if share, told = of(ticks); told {
		return share, told
	}
	if !t.shared { // every request that has none of its own asks
		t.share, t.shareTold = of(t.ticks)
		t.shared = true
	}
	return t.share, t.shareTold
}

// stoodIn is for how long between two instants the engine stood.
func (t *timeline) stoodIn(from, to time.Duration) (d time.Duration) {
	next, _ := slices.BinarySearchFunc(t.standing, from, func(i int, at time.Duration) int { return cmp.Compare(t.ticks[i].to, at) })
	for _, i := range t.standing[next:] {
		k := t.ticks[i]
		if k.from >= to {
			break
		}
		d += max(0, min(k.to, to)-max(k.from, from))
	}
	return d
}

// What makes a gap between two chunks a stall: so many times the usual gap of its
// answer, and so long.
const (
	stallTimes = 10
	stallFloor = 200 * time.Millisecond
)

// after is the time from the first token on. A gap that is much longer than the
// others of its answer is a stall; so is the time after the last chunk of an answer
// that did not end.
func after(r *harness.Record) (p Phases) {
	gaps := r.ITLs()
	if len(r.Chunks) == 0 {
		return p
	}
	last := r.Chunks[len(r.Chunks)-1]
	if r.Done > last {
		if tail := (r.Done - last).Seconds(); r.OK() {
			p.Decode += tail
		} else {
			p.Stall += tail
		}
	}
	if r.Seen == harness.SeenEnds {
		p.Decode += (last - r.Chunks[0]).Seconds()
	}
	if len(gaps) == 0 {
		return p
	}
	sorted := slices.Clone(gaps)
	slices.Sort(sorted)
	usual := sorted[len(sorted)/2]
	for _, gap := range gaps {
		if gap > max(stallFloor, stallTimes*usual) {
			p.Stall += (gap - usual).Seconds()
			gap = usual
		}
		p.Decode += gap.Seconds()
	}
	return p
}
