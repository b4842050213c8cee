package slo

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// Bounds beyond which the client was no instrument any more: the load was not the
// one that was asked for, or what came was not seen as it came, and no verdict
// stands. Lateness below them is counted in, and must not decide a verdict: see
// [Window.Judge].
const (
	lagFloor     = 0.100 // s
	lagShare     = 0.10  // of the tightest latency limit
	sentLeast    = 0.98  // share of due requests that must have been sent
	stalledMost  = 0.15  // share of the time in which the client may be unable to run; 3 % is usual where a thousand tokens come at once
	stalledFloor = 0.020 // s; shorter ones at a time do no harm, nor do those below a tenth of the tightest limit
	usedMost     = 0.97  // share of the CPU that it may use
	openMost     = 0.95  // share of the files, or ports, that it may have open
	littleMost   = 0.20  // difference of two counts of requests in flight
	littleAtMost = 1.0   // …that is none if it is less than a request
)

// A Check is one question that the client asks itself.
type Check struct {
	Name  string // "late sends"
	Value string // what was found; "" where it cannot be known
	Bound string // what it must keep
	// Reason is why no verdict stands, and what to do; "" where all is well, or
	// nobody knows.
	Reason string
}

// Checks is the client's audit of itself.
func (w *Window) Checks() []Check {
	checks := []Check{w.sends(), w.lateness(), w.stalls(), w.cpu(), w.pauses(), w.sockets(), w.opened("ports"), w.opened("files"), w.little()}
	checks = append(checks, w.watchings()...)
	return slices.DeleteFunc(checks, func(c Check) bool { return c.Value == "" })
}

// sends compares the load that was delivered with the one that was asked for.
func (w *Window) sends() Check {
	share := float64(w.sent) / float64(max(1, w.due))
	c := Check{Name: "requests sent", Value: FormatQuantity(share, Ratio), Bound: "at least " + FormatQuantity(sentLeast, Ratio)}
	if share < sentLeast {
		c.Reason = fmt.Sprintf("the client sent only %s of the due requests: raise the bound of requests in flight, or lower the rate", c.Value)
	}
	return c
}

// lateness is that of sends. A request that waits for a slot is late because the
// scenario says so.
func (w *Window) lateness() Check {
	lags := w.Spread("lag")
	if w.bounded() || lags.N() == 0 {
		return Check{}
	}
	lag, bound := lags.Quantile(.99, 0), lagBound(w.run.Scenario)
	c := Check{Name: "p99 lag of sends", Value: FormatQuantity(lag, Seconds), Bound: "at most " + FormatQuantity(bound, Seconds)}
	if lag > bound {
		c.Reason = fmt.Sprintf("the client was late: p99 lag was %s, more than %s%s; give it a free core, or lower the rate", c.Value, FormatQuantity(bound, Seconds), w.starved())
	}
	return c
}

func lagBound(s harness.Scenario) float64 { return max(lagFloor, lagShare*tightest(s, 0)) }

// tightest is the least limit of a latency, or what else where there is none.
func tightest(s harness.Scenario, otherwise float64) float64 {
	least := math.Inf(1)
	for _, o := range slices.Concat(s.Objectives, s.Good) {
		if (o.Metric == "TTFT" || o.Metric == "E2E latency") && o.Relation == harness.AtMost {
			least = min(least, o.Limit)
		}
	}
	if math.IsInf(least, 1) {
		return otherwise
	}
	return least
}

// stalls is how much of the time the client could not run, whatever held it up.
func (w *Window) stalls() Check {
	share, ok := w.watched.of("client", harness.SeriesStalled).perSecond()
	if !ok {
		return Check{}
	}
	latest := w.watched.of("client", harness.SeriesWakeUpLate)
	c := Check{Name: "time in which the client could not run", Bound: "at most " + FormatQuantity(stalledMost, Ratio),
		Value: fmt.Sprintf("%s, up to %s at once", FormatQuantity(share, Ratio), FormatQuantity(latest.greatest(), Seconds))}
	if share > stalledMost && latest.greatest() > max(stalledFloor, lagShare*tightest(w.run.Scenario, 0)) {
		c.Reason = fmt.Sprintf("the client could not run for %s of the time%s; give it more CPU", FormatQuantity(share, Ratio), w.starved())
	}
	return c
}

// cpu is how much of the CPU that it may use the client used.
func (w *Window) cpu() Check {
	used, ok := w.watched.of("client", "process_cpu_seconds").perSecond()
	available := w.watched.of("client", "cpus_available")
	if !ok || available.readings() == 0 {
		return Check{}
	}
	has := available.least()
	c := Check{Name: "CPU used", Value: fmt.Sprintf("%s of %s available", digits(used), plural(has, "core")), Bound: "at most " + FormatQuantity(usedMost, Ratio)}
	if used > usedMost*has {
		c.Reason = fmt.Sprintf("the client used all the CPU that it may use (%s); give it more, or lower the rate", c.Value)
	}
	return c
}

func plural(n float64, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return digits(n) + " " + of + "s"
}

// pauses are those of the client's garbage collection.
func (w *Window) pauses() Check {
	of := w.watched.of("client", "gc_pause_max_seconds")
	if of.readings() == 0 {
		return Check{}
	}
	longest, bound := of.greatest(), lagBound(w.run.Scenario)
	c := Check{Name: "longest pause of garbage collection", Value: FormatQuantity(longest, Seconds), Bound: "at most " + FormatQuantity(bound, Seconds)}
	if longest > bound {
		c.Reason = fmt.Sprintf("the client's garbage collection stopped it for up to %s; give it more memory (GOGC, GOMEMLIMIT)", c.Value)
	}
	return c
}

// sockets are those that the system had not to give: no failure of the server's.
func (w *Window) sockets() Check {
	c := Check{Name: "requests without a socket", Value: grouped(w.socketless), Bound: "none"}
	if w.socketless > 0 {
		c.Reason = fmt.Sprintf("the client had no socket for %s: raise its limit of open files (ulimit -n), or the range of ports (net.ipv4.ip_local_port_range)", counted(w.socketless, "request"))
	}
	return c
}

// opened is how near the client came to its limit of files or of ports.
func (w *Window) opened(what string) Check {
	used, limit := w.watched.of("client", "open_files"), w.watched.of("client", "open_files_limit")
	remedy := "its limit of open files (ulimit -n)"
	if what == "ports" {
		used, limit = w.watched.of("client", "ports_used"), w.watched.of("client", "ports_available")
		remedy = "the range of ports (net.ipv4.ip_local_port_range)"
	}
	if used.readings() == 0 || limit.readings() == 0 {
		return Check{}
	}
	most, all := used.greatest(), limit.least()
	c := Check{Name: what + " in use", Value: fmt.Sprintf("%s of %s", digits(most), digits(all)), Bound: "at most " + FormatQuantity(openMost, Ratio)}
	if most > openMost*all {
		c.Reason = fmt.Sprintf("the client had %s %s in use: raise %s", c.Value, what, remedy)
	}
	return c
}

// little compares two counts of requests in flight: the client's own, as it began
// and ended them, and rate × latency of what it recorded (Little, Operations
// Research 9:3, 1961). Where they differ, requests were lost, or the client itself
// took a good part of the time that requests took.
func (w *Window) little() Check {
	of := w.watched.of("client", harness.SeriesInFlightSeconds)
	own, ok := of.perSecond()
	if w.soFar || !ok || w.recorded == 0 {
		return Check{}
	}
	recorded := w.recorded.Seconds() / (of.end.at - of.begin.at).Seconds()
	c := Check{Name: "in flight, counted and by Little's law", Value: fmt.Sprintf("%s and %s", digits(own), digits(recorded)), Bound: "within " + FormatQuantity(littleMost, Ratio)}
	// What lies between them is so much time of each request.
	each := math.Abs(own-recorded) * (of.end.at - of.begin.at).Seconds() / float64(max(1, w.seen))
	if off := math.Abs(own - recorded); off > littleAtMost && off > littleMost*max(own, recorded) && each > lagBound(w.run.Scenario) {
		c.Reason = fmt.Sprintf("by the client's own count %s requests were in flight on average, by what it recorded of them %s: it took a good part of their time itself; give it a free core", digits(own), digits(recorded))
	}
	return c
}

// starved says who had the CPU that the client would have needed: the hypervisor,
// or its container's limit.
func (w *Window) starved() string {
	if steal := w.watched.of("host", "cpu_steal_ratio"); steal.readings() > 0 && steal.greatest() >= 0.05 {
		return fmt.Sprintf(" (of this machine's CPU its hypervisor gave up to %s to others)", FormatQuantity(steal.greatest(), Ratio))
	}
	if held, ok := w.watched.of("client", "cpu_throttled_seconds").perSecond(); ok && held >= 0.05 {
		return fmt.Sprintf(" (its container's CPU limit held it for %s of the time)", FormatQuantity(min(1, held), Ratio))
	}
	return ""
}

// ends are the first and the last reading of the client's own count of requests
// in flight, between which it can be compared with what was recorded.
func (w *watched) ends() (from, to time.Duration) {
	of := w.of("client", harness.SeriesInFlightSeconds)
	return of.begin.at, of.end.at
}
