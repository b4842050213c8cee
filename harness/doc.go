// Package harness is the domain of vllmspec: what a load is, how it is run,
// and what is remembered of it.
//
// A load test is instants × prompts → records. [Arrivals] say when requests
// are due, a [Dataset] says what they ask, a [Client] asks, and a [Runner]
// puts the three together and hands one [Record] per request, and one [Sample]
// per reading taken beside the load, to its sinks. Everything that is reported
// later is a function of those two streams.
//
// The package uses the standard library's clock, so the same code runs on a real
// clock against a real server and, inside a testing/synctest bubble, on a virtual
// clock against the mock. Only the wait for the next due request can be left to
// something more precise, where the clock is real (Precise of [Runner]).
package harness
