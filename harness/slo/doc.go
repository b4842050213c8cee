// Package slo judges a run by the metrics of the catalogue.
//
// A verdict is met, missed or unknown. Met needs the whole interval on the right
// side of the limit, where the interval is that for any run: it counts how requests
// depend on each other. Missed needs the interval of this run's requests on the wrong
// side. Between them, without data, and when the client itself was unsound, it is
// unknown.
package slo
