package vllmspec

import (
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/internal/suite"
)

// An Option adds something of one's own to a [Run]. What is wrong with one is an error before anything runs.
type Option struct{ extend suite.Extension }

// WithDataset adds a dataset: And conversations are drawn from "name".
func WithDataset(name string, d harness.Dataset) Option { return Option{suite.Dataset(name, d)} }

// WithMetric adds a metric, which rows can be about as those of the catalogue. Its source is a Gauge, a Counter, a Ratio,
// a Histogram or a Latency; what it is goes with each row into the stored run, which can be judged again without it.
func WithMetric(m metric.Metric) Option { return Option{suite.Metric(m)} }

// WithSampler adds a sampler, which is read each second of a run, beside the server's metrics. A [metric.Gauge] or a
// [metric.Counter] of WithMetric judges its series.
func WithSampler(s harness.Sampler) Option { return Option{suite.Sampler(s)} }

// WithProtocol asks servers in another way than by OpenAI's interface: p makes the client of one. The server's
// metrics are read as ever.
func WithProtocol(p client.OwnProtocol) Option { return Option{suite.Protocol(p)} }

func extensions(options []Option) (all []suite.Extension) {
	for _, o := range options {
		if o.extend != nil {
			all = append(all, o.extend)
		}
	}
	return all
}
