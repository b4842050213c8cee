package metric

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/vllm"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// A Direction says which values of a metric are good ones.
type Direction int

// The directions.
const (
	Neutral Direction = iota
	LowerIsBetter
	HigherIsBetter
)

// A Metric is one row of the catalogue.
type Metric struct {
	Name    string
	Unit    quantity.Unit
	Better  Direction
	Formula string // for the reader, in one line
	Source  Source // how it is measured

	Curve   []string // statistics that a sweep's curve is drawn of; "" of a metric that has none
	History []string // statistics whose history is looked at for changes
}

// Metrics is the catalogue.
func Metrics() []Metric {
	return slices.Concat(ofRequests(), ofTheRun(), ofTheServer(), ofTheHost(), ofTheGPU(), ofEnergy())
}

// OfEachRequest are the metrics that each request has one value of.
func OfEachRequest() []Metric {
	return slices.DeleteFunc(Metrics(), func(m Metric) bool { return m.PerRequest() == nil })
}

// Lookup finds a metric by name, in any case, or by another name that people have for it alone. A raw name in quotes is a
// series of the server's: read as a counter where its name says that it only
// rises, and as a gauge otherwise.
func Lookup(name string) (Metric, error) {
	if raw, ok := strings.CutPrefix(name, `"`); ok && strings.HasSuffix(raw, `"`) {
		return ofRawSeries(name, strings.TrimSuffix(raw, `"`))
	}
	var names []string
	all := Metrics()
	for _, m := range all {
		if strings.EqualFold(m.Name, name) {
			return m, nil
		}
		names = append(names, m.Name)
	}
	typed := spelled(name)
	another := otherNames()[typed]
	for _, m := range all {
		if spelled(m.Name) == typed || m.Name == another {
			return m, nil
		}
	}
	if err := ambiguous(name); err != nil {
		return Metric{}, err
	}
	return Metric{}, fmt.Errorf("unknown metric %q%s", name, spelling.DidYouMean(name, names))
}

// ofRawSeries is a series of the server's own, of all labels or of some, under today's name
// for it.
func ofRawSeries(name, series string) (Metric, error) {
	if err := checkSelector(series); err != nil {
		return Metric{}, err
	}
	m := Metric{Name: name, Unit: quantity.Count, Formula: "the server's own series " + series}
	plain, _ := Selector(series)
	now := vllm.CurrentSeries(plain)
	asked := now + strings.TrimPrefix(series, plain)
	if IsCounter(now) {
		m.Source = Counter{Feed: Server, Series: asked}
		return m, nil
	}
	absent := "the server's metrics have no series " + asked
	if gone := vllm.RemovedSeries(plain); gone != "" {
		absent += ": " + gone
	}
	m.Source = Gauge{Feed: Server, Series: asked, Absent: absent, Raw: true}
	return m, nil
}

// IsCounter reports whether a series only rises, by its name.
func IsCounter(series string) bool {
	for _, suffix := range []string{"_total", "_count", "_sum", "_bucket"} {
		if len(series) > len(suffix) && strings.HasSuffix(series, suffix) {
			return true
		}
	}
	return false
}

// Statistics are those a metric can be asked for; none where it is one figure.
func (m Metric) Statistics() []string {
	switch m.Source.(type) {
	case Counter:
		return []string{"total"}
	case Concurrency:
		return []string{"mean", "max"}
	case Histogram:
		return []string{"mean", "p50", "p95", "p99"}
	case Gauge, PerRequest, Gap:
		return []string{"min", "mean", "max", "p50", "p95", "p99"}
	}
	return nil
}

// Summarized are the statistics of a metric that the summary of a run gives.
func (m Metric) Summarized() []string {
	switch m.Source.(type) {
	case Gauge:
		return []string{"mean", "max"}
	case Histogram:
		return []string{"mean"} // a percentile is known to within a bucket only
	case PerRequest, Gap:
		return []string{"mean", "p50", "p90", "p95", "p99", "max"}
	case Counter, Concurrency:
		return m.Statistics()
	}
	return []string{""}
}

// Quantile reads "p99.9" as 0.999.
func Quantile(statistic string) (float64, bool) {
	digits, ok := strings.CutPrefix(statistic, "p")
	if !ok {
		return 0, false
	}
	p, err := strconv.ParseFloat(digits, 64)
	return p / 100, err == nil
}
