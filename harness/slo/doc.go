// Package slo is the catalogue of metrics and the judgement of a run by it. A
// new metric is one row of [Metrics]: tables, reports and benchmark lines know
// it at once.
//
// A verdict is met, missed or unknown. Met needs the whole interval on the
// right side of the limit, missed the whole interval on the wrong side. Between
// them, without data, and when the client itself was unsound, it is unknown.
package slo
