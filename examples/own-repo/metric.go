package ownrepo

import (
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// writing is how long a reader sees an answer being written.
func writing() metric.Metric {
	return metric.Metric{Name: "writing time", Unit: quantity.Seconds, Better: metric.LowerIsBetter, Formula: "last content − first content",
		Source: metric.Latency{From: metric.FirstChunk, To: metric.LastChunk}}
}
