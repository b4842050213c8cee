// Package reconcile holds what the client counted of a run against what the server's own
// counters say: requests, tokens, finish reasons and HTTP errors exactly, mean latencies to
// within a bound. A difference names what it probably comes from.
package reconcile
