package mockvllm_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// A page is what /metrics shows.
type page map[string]*dto.MetricFamily

func readPage(t *testing.T, body string) page {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	require.NoError(t, err)
	return families
}

// page compares families: types, labels, and buckets.
func (d *differences) page(name string, pages [2]page) {
	both := maps.Clone(pages[0])
	maps.Copy(both, pages[1])
	for _, family := range slices.Sorted(maps.Keys(both)) {
		real, mock := pages[0][family], pages[1][family]
		switch {
		case real == nil:
			d.add(name, family, "absent", kindOf(mock))
		case mock == nil:
			d.add(name, family, kindOf(real), "absent")
		case kindOf(real) != kindOf(mock):
			d.add(name, family, kindOf(real), kindOf(mock))
		case !slices.Equal(seriesOf(real), seriesOf(mock)):
			d.add(name, family+", labels and buckets", only(seriesOf(real), seriesOf(mock)), only(seriesOf(mock), seriesOf(real)))
		}
	}
}

func kindOf(f *dto.MetricFamily) string { return strings.ToLower(f.GetType().String()) }

// only is what one has and the other has not.
func only(a, b []string) string {
	rest := slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
	if len(rest) == 0 {
		return "no other series"
	}
	return strings.Join(rest, "; ")
}

// seriesOf are the labels of a family's samples, and their buckets. What a server
// tells of its own configuration is compared by name.
func seriesOf(f *dto.MetricFamily) (all []string) {
	for _, m := range f.GetMetric() {
		var labels []string
		for _, l := range m.GetLabel() {
			value := l.GetValue()
			if strings.HasSuffix(f.GetName(), "_info") {
				value = "…"
			}
			labels = append(labels, fmt.Sprintf("%s=%s", l.GetName(), value))
		}
		for _, b := range m.GetHistogram().GetBucket() {
			labels = append(labels, fmt.Sprint(b.GetUpperBound()))
		}
		if strings.HasSuffix(f.GetName(), "_info") {
			all = append(all, labels...)
			continue
		}
		all = append(all, strings.Join(labels, " "))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// growth compares by how much counters and histograms rose from page to page.
func (d *differences) growth(pages map[string][2]page) {
	for _, between := range [][2]string{{"metrics-before", "metrics-after"}, {"metrics-after", "metrics-end"}} {
		before, after := pages[between[0]], pages[between[1]]
		real, mock := rise(before[0], after[0]), rise(before[1], after[1])
		for _, series := range slices.Sorted(maps.Keys(real)) {
			text := between[0] == "metrics-after" && !strings.HasPrefix(series, "http_requests_total") // prompts that are text have other lengths
			if m, ok := mock[series]; ok && !text && real[series] != m {
				d.add(between[1], "rise of "+series, fmt.Sprint(real[series]), fmt.Sprint(m))
			}
		}
	}
}

// rise is how much each series rose that does not depend on how fast a server is.
func rise(before, after page) map[string]float64 {
	out := map[string]float64{}
	for sign, page := range map[float64]page{-1: before, 1: after} {
		for name, family := range page {
			timed := strings.HasSuffix(name, "_seconds") || strings.HasPrefix(name, "http_response_size")
			steps := name == "vllm:iteration_tokens_total" // requests that come together may begin in one step, or in two
			for _, m := range family.GetMetric() {
				series := name
				for _, l := range m.GetLabel() {
					if l.GetName() != "model_name" && l.GetName() != "engine" {
						series += " " + l.GetValue()
					}
				}
				h, s := m.GetHistogram(), m.GetSummary()
				switch {
				case strings.HasPrefix(name, "process_"), strings.HasPrefix(name, "python_"):
				case m.Counter != nil:
					out[series] += sign * m.GetCounter().GetValue()
				case h != nil:
					if !steps {
						out[series+" count"] += sign * float64(h.GetSampleCount())
					}
					if !timed {
						out[series+" sum"] += sign * h.GetSampleSum()
					}
					if !timed && !steps {
						for _, b := range h.GetBucket() {
							out[fmt.Sprintf("%s ≤ %g", series, b.GetUpperBound())] += sign * float64(b.GetCumulativeCount())
						}
					}
				case s != nil:
					out[series+" count"] += sign * float64(s.GetSampleCount())
					if !timed {
						out[series+" sum"] += sign * s.GetSampleSum()
					}
				}
			}
		}
	}
	return out
}
