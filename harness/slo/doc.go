// Package slo is the catalogue of metrics and the judgement of a run by it. A
// new metric is one row of [Metrics]: tables, reports and benchmark lines know
// it at once.
//
// A verdict is met, missed or unknown. Met needs the whole interval on the right
// side of the limit, where the interval is that for any run: it counts how requests
// depend on each other. Missed needs the interval of this run's requests on the wrong
// side. Between them, without data, and when the client itself was unsound, it is
// unknown.
package slo
