// Package sampler watches beside the load: the metrics that the server
// exposes, the host that the client runs on, the client's own process.
package sampler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/vllmspec/vllmspec/harness"
)

// Prometheus reads one page of metrics in the Prometheus text format, as vLLM's
// Python front end writes it, or in OpenMetrics, as its Rust front end does.
type Prometheus struct {
	URL    string
	HTTP   *http.Client             // says who we are, where that is needed
	Source string                   // of the readings: "server"
	Keep   func(family string) bool // nil: vLLM's own families
}

// maxPage bounds a page of metrics; vLLM's have about 100 KB.
const maxPage = 16 << 20

// Read scrapes once. Counters and gauges give one reading each, histograms
// their _sum and _count, and their buckets where the catalogue can use them.
func (p *Prometheus) Read(ctx context.Context) ([]harness.Reading, error) {
	page, err := p.fetch(ctx)
	if err != nil {
		return nil, fmt.Errorf("metrics of the server at %s: %w", withoutUser(p.URL), err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(plain(page)))
	if err != nil {
		return nil, fmt.Errorf("metrics of the server at %s are malformed: %w", withoutUser(p.URL), err)
	}
	keep := p.Keep
	if keep == nil {
		keep = ofVLLM
	}
	var readings []harness.Reading
	for name, family := range families {
		if !keep(name) {
			continue
		}
		for _, metric := range family.Metric {
			readings = append(readings, p.readings(current(name), metric)...)
		}
	}
	return readings, nil
}

func (p *Prometheus) fetch(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		return nil, errors.New("this is no URL")
	}
	request.Header.Set("Accept", "text/plain;version=0.0.4, application/openmetrics-text;q=0.5")
	response, err := p.HTTP.Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // its text holds the URL as it was given, user and all
		}
		return nil, err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	switch kind := response.Header.Get("Content-Type"); {
	case err != nil:
		return nil, err
	case response.StatusCode == http.StatusNotFound:
		return nil, errors.New("404: there is no such page; set VLLM_METRICS_URL if the metrics are elsewhere")
	case response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden:
		return nil, fmt.Errorf("%d: access is refused; set VLLM_API_KEY", response.StatusCode)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("status %d", response.StatusCode)
	case strings.HasPrefix(kind, "text/html"):
		return nil, errors.New("a web page came, not metrics; set VLLM_METRICS_URL if they are elsewhere")
	}
	return page, nil
}

func (p *Prometheus) readings(name string, m *dto.Metric) []harness.Reading {
	labels := make(map[string]string, len(m.Label))
	for _, l := range m.Label {
		labels[l.GetName()] = l.GetValue()
	}
	one := func(series string, labels map[string]string, v float64) harness.Reading {
		return harness.Reading{Source: p.Source, Series: series, Labels: labels, Value: v}
	}
	switch {
	case m.Gauge != nil:
		return []harness.Reading{one(name, labels, m.Gauge.GetValue())}
	case m.Counter != nil:
		return []harness.Reading{one(name, labels, m.Counter.GetValue())}
	case m.Untyped != nil:
		return []harness.Reading{one(name, labels, m.Untyped.GetValue())}
	case m.Histogram != nil:
		out := []harness.Reading{
			one(name+"_sum", labels, m.Histogram.GetSampleSum()),
			one(name+"_count", labels, float64(m.Histogram.GetSampleCount())),
		}
		if !bucketed(name) {
			return out
		}
		for _, b := range m.Histogram.Bucket {
			with := map[string]string{"le": bound(b.GetUpperBound())}
			for k, v := range labels {
				with[k] = v
			}
			out = append(out, one(name+"_bucket", with, float64(b.GetCumulativeCount())))
		}
		return out
	}
	return nil
}

func bound(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// ofVLLM keeps vLLM's families, without the creation times beside each.
func ofVLLM(family string) bool {
	return strings.HasPrefix(family, "vllm:") && !strings.HasSuffix(family, "_created")
}

// bucketed are the histograms whose shape can be set against what the client
// saw; of the others sum and count are enough.
func bucketed(name string) bool {
	switch name {
	case "vllm:time_to_first_token_seconds", "vllm:inter_token_latency_seconds",
		"vllm:e2e_request_latency_seconds", "vllm:request_queue_time_seconds":
		return true
	}
	return false
}

// current is today's name of a series that vLLM has renamed.
func current(name string) string {
	switch name {
	case "vllm:gpu_cache_usage_perc":
		return "vllm:kv_cache_usage_perc"
	case "vllm:gpu_prefix_cache_queries_total":
		return "vllm:prefix_cache_queries_total"
	case "vllm:gpu_prefix_cache_hits_total":
		return "vllm:prefix_cache_hits_total"
	case "vllm:time_per_output_token_seconds":
		return "vllm:inter_token_latency_seconds"
	}
	return name
}

// plain makes OpenMetrics readable for a parser of the older text format:
// without the end marker, without exemplars, and with the type of a counter
// under the name that its samples have.
func plain(page []byte) []byte {
	if !bytes.Contains(page, []byte("# EOF")) {
		return page
	}
	var out bytes.Buffer
	for line := range bytes.Lines(page) {
		fields := strings.Fields(string(line))
		switch {
		case len(fields) >= 2 && fields[0] == "#" && (fields[1] == "EOF" || fields[1] == "UNIT"):
			continue
		case len(fields) == 4 && fields[1] == "TYPE" && fields[3] == "counter":
			fmt.Fprintf(&out, "# TYPE %s_total counter\n", strings.TrimSuffix(fields[2], "_total"))
		case len(fields) >= 3 && fields[1] == "HELP":
			continue // its name would be that of the family, not of the counter's samples
		default:
			sample, _, _ := bytes.Cut(line, []byte(" # "))
			out.Write(bytes.TrimRight(sample, "\n"))
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

// withoutPath is the address of the server whose page this is.
func withoutPath(raw string) string {
	return strings.TrimSuffix(withoutUser(raw), "/metrics")
}

func withoutUser(raw string) string {
	if u, err := url.Parse(raw); err == nil {
		u.User = nil
		return u.String()
	}
	return "that address"
}
