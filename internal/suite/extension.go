package suite

import (
	"errors"
	"fmt"

	"github.com/vllmspec/vllmspec/fixtures"
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/steps"
)

// An Extension adds something of a user's to what features can name, or to what a run watches.
type Extension func(*extensions)

// extensions are what a user adds.
type extensions struct {
	steps    steps.Own
	samplers []harness.Sampler
	protocol client.OwnProtocol // nil: OpenAI's
	errs     []error
}

// check is what is wrong with them.
func (e extensions) check() error { return errors.Join(append(e.errs, e.steps.Metrics.Check())...) }

// Dataset adds a dataset: conversations are drawn from "name".
func Dataset(name string, d harness.Dataset) Extension {
	return func(e *extensions) {
		switch _, ours := fixtures.Datasets()[name]; {
		case name == "" || d == nil:
			e.errs = append(e.errs, fmt.Errorf("the dataset %q: a dataset has a name and conversations", name))
		case ours || e.steps.Datasets[name] != nil:
			e.errs = append(e.errs, fmt.Errorf("there are two datasets %q; give yours another name", name))
		case e.steps.Datasets == nil:
			e.steps.Datasets = map[string]harness.Dataset{}
			fallthrough
		default:
			e.steps.Datasets[name] = d
		}
	}
}

// Metric adds a metric, which rows can be about.
func Metric(m metric.Metric) Extension {
	return func(e *extensions) { e.steps.Metrics = append(e.steps.Metrics, m) }
}

// Sampler adds a sampler, which is read each second of a run.
func Sampler(s harness.Sampler) Extension {
	return func(e *extensions) {
		if s == nil {
			e.errs = append(e.errs, errors.New("a sampler is nil"))
			return
		}
		e.samplers = append(e.samplers, s)
	}
}

// Protocol has servers asked in another way than OpenAI's.
func Protocol(p client.OwnProtocol) Extension {
	return func(e *extensions) { e.protocol = p }
}
