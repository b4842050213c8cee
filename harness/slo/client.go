package slo

import (
	"fmt"
	"math"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// Bounds beyond which the client was no good instrument. What it did to single
// requests is bounded from what was recorded, and must not decide a verdict: see
// [Window.Judge].
const (
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
	// Reason is why the rows that Voids covers are not known, and what to do; "" where
	// all is well, or it cannot be known.
	Reason string
	Voids  Scope
	Advice string // what to do, where the bound is not kept
}

// A client is the client of a measured run as an instrument: what it did itself that figures may
// contain.
type client struct{ *measure.Window }

// Checks is the client's audit of itself. Of another tool's client only its lateness can be known.
func Checks(window *measure.Window) []Check {
	w := client{window}
	if w.Run.Imported != nil {
		return slices.DeleteFunc([]Check{w.lateness()}, func(c Check) bool { return c.Value == "" })
	}
	checks := []Check{w.sends(), w.lateness(), w.stalls(), w.cpu(), w.pauses(), w.sockets(), w.opened("ports"), w.opened("files"), w.little()}
	checks = append(checks, w.watchings()...)
	return slices.DeleteFunc(checks, func(c Check) bool { return c.Value == "" })
}

// sends compares the load that was delivered with the one that was asked for.
func (w client) sends() Check {
	share := float64(w.Sent) / float64(max(1, w.Due))
	c := Check{Name: "requests sent", Value: quantity.Format(share, quantity.Ratio), Bound: "at least " + quantity.Format(sentLeast, quantity.Ratio)}
	if share < sentLeast {
		c.Reason = fmt.Sprintf("the client sent only %s of the due requests: raise the bound of requests in flight, or lower the rate", c.Value)
	}
	return c
}

func lagBound(s harness.Scenario) float64 { return max(lagFloor, lagShare*tightest(s, 0)) }

// tightest is the least limit of a latency, or what else where there is none.
func tightest(s harness.Scenario, otherwise float64) float64 {
	least := math.Inf(1)
	for _, o := range slices.Concat(s.Objectives, s.Good) {
		if m, err := metric.OfRow(o); err == nil && m.IsFromDue() && !m.NeedsTokenCounts() && o.Relation == harness.AtMost {
			least = min(least, o.Limit)
		}
	}
	if math.IsInf(least, 1) {
		return otherwise
	}
	return least
}

// stalls is how much of the time the client could not run, whatever held it up. What
// it does to sends is their lag; what it does to stamps is in lateStamps.
func (w client) stalls() Check {
	share, ok := w.Sampled.Series("client", harness.SeriesStalled).PerSecond()
	if !ok {
		return Check{}
	}
	longest := w.Sampled.Series("client", harness.SeriesWakeUpLate).Greatest()
	c := Check{Name: "time in which the client could not run", Bound: "at most " + quantity.Format(stalledMost, quantity.Ratio),
		Value: fmt.Sprintf("%s, up to %s at once", quantity.Format(share, quantity.Ratio), quantity.Format(longest, quantity.Seconds))}
	if share > stalledMost && longest > max(stalledFloor, lagShare*tightest(w.Run.Scenario, 0)) {
		c.Advice = "give the client more CPU"
	}
	return c
}

// lateStamps are those of a client that could not read what came when it came, where
// no kernel stamped it: each may be late by as long as the client stood still.
func (w client) lateStamps() stampError {
	if w.StampedByKernel() {
		return stampError{}
	}
	var e stampError
	if share, ok := w.Sampled.Series("client", harness.SeriesStalled).PerSecond(); ok && share > stalledMost {
		e.by = w.Sampled.Series("client", harness.SeriesWakeUpLate).Greatest()
		e.why = fmt.Sprintf("the client could not run for %s of the time, up to %s at once, and that decides%s; give it more CPU", quantity.Format(share, quantity.Ratio), quantity.Format(e.by, quantity.Seconds), w.Starved())
	}
	if pause := w.Sampled.Series("client", "gc_pause_max_seconds"); pause.Readings() > 0 && pause.Greatest() > max(e.by, lagBound(w.Run.Scenario)) {
		e.by = pause.Greatest()
		e.why = fmt.Sprintf("the client's garbage collection stopped it for up to %s, and that decides; give it more memory (GOGC, GOMEMLIMIT)", quantity.Format(e.by, quantity.Seconds))
	}
	return e
}

// cpu is how much of the CPU that it may use the client used. One that used all of it
// lags behind, which shows in its lag and in what waited for it in the kernel; where no
// kernel stamps, it shows nowhere.
func (w client) cpu() Check {
	used, ok := w.Sampled.Series("client", "process_cpu_seconds").PerSecond()
	available := w.Sampled.Series("client", "cpus_available")
	if !ok || available.Readings() == 0 {
		return Check{}
	}
	has := available.Least()
	c := Check{Name: "CPU used", Value: fmt.Sprintf("%s of %s available", quantity.Digits(used), quantity.Plural(has, "core")), Bound: "at most " + quantity.Format(usedMost, quantity.Ratio), Voids: ClientTimes}
	if used > usedMost*has {
		c.Advice = "give the client more CPU, or lower the rate"
		if !w.StampedByKernel() {
			c.Reason = fmt.Sprintf("the client used all the CPU that it may use (%s); give it more, or lower the rate", c.Value)
		}
	}
	return c
}

// pauses are those of the client's garbage collection. What they do to stamps is in
// lateStamps.
func (w client) pauses() Check {
	of := w.Sampled.Series("client", "gc_pause_max_seconds")
	if of.Readings() == 0 {
		return Check{}
	}
	longest, bound := of.Greatest(), lagBound(w.Run.Scenario)
	c := Check{Name: "longest pause of garbage collection", Value: quantity.Format(longest, quantity.Seconds), Bound: "at most " + quantity.Format(bound, quantity.Seconds)}
	if longest > bound {
		c.Advice = "give the client more memory (GOGC, GOMEMLIMIT)"
	}
	return c
}

// sockets are those that the system had not to give: no failure of the server's.
func (w client) sockets() Check {
	c := Check{Name: "requests without a socket", Value: quantity.Grouped(w.WithoutSocket), Bound: "none"}
	if w.WithoutSocket > 0 {
		c.Reason = fmt.Sprintf("the client had no socket for %s: raise its limit of open files (ulimit -n), or the range of ports (net.ipv4.ip_local_port_range)", quantity.Counted(w.WithoutSocket, "request"))
	}
	return c
}

// opened is how near the client came to its limit of files or of ports.
func (w client) opened(what string) Check {
	used, limit := w.Sampled.Series("client", "open_files"), w.Sampled.Series("client", "open_files_limit")
	remedy := "its limit of open files (ulimit -n)"
	if what == "ports" {
		used, limit = w.Sampled.Series("client", "ports_used"), w.Sampled.Series("client", "ports_available")
		remedy = "the range of ports (net.ipv4.ip_local_port_range)"
	}
	if used.Readings() == 0 || limit.Readings() == 0 {
		return Check{}
	}
	most, all := used.Greatest(), limit.Least()
	c := Check{Name: what + " in use", Value: fmt.Sprintf("%s of %s", quantity.Digits(most), quantity.Digits(all)), Bound: "at most " + quantity.Format(openMost, quantity.Ratio)}
	if most > openMost*all {
		c.Advice = "raise " + remedy // a request that found none has failed for want of it, and is counted there
	}
	return c
}

// little compares two counts of requests in flight: the client's own, as it began
// and ended them, and rate × latency of what it recorded (Little, Operations
// Research 9:3, 1961). Where they differ, requests were lost, or the client itself
// took a good part of the time that requests took.
func (w client) little() Check {
	of := w.Sampled.Series("client", harness.SeriesInFlightSeconds)
	own, ok := of.PerSecond()
	if w.GoesOn || !ok || w.InFlightTime == 0 {
		return Check{}
	}
	recorded := w.InFlightTime.Seconds() / of.Lasted().Seconds()
	c := Check{Name: "in flight, counted and by Little's law", Value: fmt.Sprintf("%s and %s", quantity.Digits(own), quantity.Digits(recorded)), Bound: "within " + quantity.Format(littleMost, quantity.Ratio), Voids: ClientTimes}
	// What lies between them is so much time of each request.
	each := math.Abs(own-recorded) * of.Lasted().Seconds() / float64(max(1, w.Requests()))
	if off := math.Abs(own - recorded); off > littleAtMost && off > littleMost*max(own, recorded) && each > lagBound(w.Run.Scenario) {
		c.Reason = fmt.Sprintf("by the client's own count %s requests were in flight on average, by what it recorded of them %s: it took a good part of their time itself; give it a free core", quantity.Digits(own), quantity.Digits(recorded))
	}
	return c
}
