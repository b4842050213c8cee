package metric

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// Own are metrics that a user adds to the catalogue for some scenarios. They are found by name as the others are, and a
// row about one has its definition with it.
type Own []Metric

// Check refuses metrics that contradict themselves, that are called like another one, or that a stored run could not be
// judged by again: those whose source is a function.
func (o Own) Check() error {
	for i, m := range o {
		if err := Check(m); err != nil {
			return err
		}
		if other, err := Lookup(m.Name); err == nil {
			return fmt.Errorf("%s: the catalogue has a metric %q; give yours another name", m.Name, other.Name)
		}
		for _, other := range o[:i] {
			if spelled(other.Name) == spelled(m.Name) {
				return fmt.Errorf("%s: there are two metrics of this name", m.Name)
			}
		}
		if _, err := define(m); err != nil {
			return err
		}
	}
	return nil
}

// Lookup finds a metric by its name, an own one or one of the catalogue.
func (o Own) Lookup(name string) (Metric, error) {
	var names []string
	for _, m := range o {
		if spelled(m.Name) == spelled(name) {
			return m, nil
		}
		names = append(names, m.Name)
	}
	m, err := Lookup(name)
	if near := spelling.Nearest(name, names); err != nil && near != "" {
		err = fmt.Errorf("unknown metric %q; did you mean %q?", name, near)
	}
	return m, err
}

// Define is the definition of an own metric for a row about it; "" for a metric of the catalogue.
func (o Own) Define(m Metric) string {
	for _, own := range o {
		if own.Name == m.Name {
			raw, err := define(own)
			if err != nil {
				return ""
			}
			return raw
		}
	}
	return ""
}

// OfRow is the metric that a row is about.
func OfRow(o harness.Objective) (Metric, error) {
	if o.Own == "" {
		return Lookup(o.Metric)
	}
	var d definition
	if err := json.Unmarshal([]byte(o.Own), &d); err != nil {
		return Metric{}, fmt.Errorf("the definition of %s: %w", o.Metric, err)
	}
	return d.metric()
}

// A definition is a metric as stored files have it. One of its sources is set.
type definition struct {
	Name      string        `json:"name"`
	Unit      quantity.Unit `json:"unit"`
	Better    Direction     `json:"better"`
	Formula   string        `json:"formula"`
	Gauge     *Gauge        `json:"gauge,omitempty"`
	Counter   *Counter      `json:"counter,omitempty"`
	Ratio     *Ratio        `json:"ratio,omitempty"`
	Histogram *Histogram    `json:"histogram,omitempty"`
	Latency   *Latency      `json:"latency,omitempty"`
}

func define(m Metric) (string, error) {
	d := definition{Name: m.Name, Unit: m.Unit, Better: m.Better, Formula: m.Formula}
	switch of := m.Source.(type) {
	case Gauge:
		d.Gauge = &of
	case Counter:
		d.Counter = &of
	case Ratio:
		d.Ratio = &of
	case Histogram:
		d.Histogram = &of
	case Latency:
		d.Latency = &of
	default:
		return "", fmt.Errorf("%s: a metric of your own is a Gauge, a Counter, a Ratio, a Histogram or a Latency, and no %T: a stored run must be judged again without your code", m.Name, m.Source)
	}
	raw, err := json.Marshal(d)
	return string(raw), err
}

func (d definition) metric() (Metric, error) {
	m := Metric{Name: d.Name, Unit: d.Unit, Better: d.Better, Formula: d.Formula}
	switch {
	case d.Gauge != nil:
		m.Source = *d.Gauge
	case d.Counter != nil:
		m.Source = *d.Counter
	case d.Ratio != nil:
		m.Source = *d.Ratio
	case d.Histogram != nil:
		m.Source = *d.Histogram
	case d.Latency != nil:
		m.Source = *d.Latency
	}
	return m, Check(m)
}

// ofServer are the series on the server's page that a metric needs, without their labels.
func (m Metric) ofServer() (names []string) {
	if h, ok := m.Source.(Histogram); ok {
		return []string{h.Name, h.Name + "_bucket", h.Name + "_sum", h.Name + "_count"}
	}
	feed, series := m.Feeds()
	if feed != Server {
		return nil
	}
	for _, name := range series {
		plain, _ := Selector(name)
		names = append(names, plain)
	}
	return names
}

// OwnOf are the metrics of rows that the catalogue does not have, each once.
func OwnOf(rows ...[]harness.Objective) (all Own) {
	for _, o := range slices.Concat(rows...) {
		if m, err := OfRow(o); o.Own != "" && err == nil && !slices.ContainsFunc(all, func(other Metric) bool { return other.Name == m.Name }) {
			all = append(all, m)
		}
	}
	return all
}
