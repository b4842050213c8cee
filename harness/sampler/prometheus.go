// Package sampler watches beside the load: the metrics that the server exposes, the
// machine that the client runs on with the processes of client and server, and the
// GPUs. docs/watching.md lists the series of each source, with their units.
package sampler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"github.com/vllmspec/vllmspec/harness"
)

// Prometheus reads the page of metrics of one server. What it has under an old name
// comes under today's.
type Prometheus struct {
	URL    string
	HTTP   *http.Client // says who we are, where that is needed
	Source string       // of the readings: "server"

	engines []string // that the page has had
}

// String is what is watched.
func (p *Prometheus) String() string { return p.Source }

// Read scrapes once. Counters and gauges give one reading each, histograms
// their _sum and _count, and their buckets where the catalogue can use them.
func (p *Prometheus) Read(ctx context.Context) ([]harness.Reading, error) {
	readings, err := p.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("metrics of the server at %s: %w", withoutUser(p.URL), err)
	}
	return readings, nil
}

func (p *Prometheus) read(ctx context.Context) ([]harness.Reading, error) {
	page, err := fetch(ctx, p.HTTP, p.URL, "set VLLM_METRICS_URL if they are elsewhere", "set VLLM_API_KEY")
	if err != nil {
		return nil, err
	}
	families, err := page.families(ofVLLM)
	if err != nil {
		return nil, err
	}
	if err := p.allEngines(families); err != nil {
		return nil, err
	}
	var readings []harness.Reading
	for name, family := range families {
		now := harness.CurrentSeries(name)
		if now != name && families[now] != nil {
			continue // both are there while a name is on its way out: one would count twice
		}
		for _, metric := range family.Metric {
			readings = append(readings, readingsOf(p.Source, now, metric)...)
		}
	}
	if !slices.ContainsFunc(readings, func(r harness.Reading) bool { return strings.HasPrefix(r.Series, "vllm:") }) {
		return nil, errors.New("the page has no metric of vLLM's; set VLLM_METRICS_URL if they are elsewhere, and start vLLM without --disable-log-stats")
	}
	return readings, nil
}

// allEngines is an error where an engine is missing that was there before: a sum
// over the others would be too small, and a queue that seems to be shorter is a lie.
func (p *Prometheus) allEngines(families map[string]*dto.MetricFamily) error {
	var now []string
	if family := families["vllm:num_requests_running"]; family != nil {
		for _, m := range family.Metric {
			now = append(now, labelsOf(m)["engine"])
		}
	}
	for _, engine := range p.engines {
		if !slices.Contains(now, engine) {
			return fmt.Errorf("engine %q is missing on the page, and was there before", engine)
		}
	}
	p.engines = now
	return nil
}

// maxPage bounds a page of metrics; vLLM's have about 100 KB.
const maxPage = 16 << 20

// fetch gets a page of metrics. The remedies are for one that is not there, and for
// one that may not be read.
func fetch(ctx context.Context, client *http.Client, address, elsewhere, allowed string) (page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return page{}, errors.New("this is no URL")
	}
	request.Header.Set("Accept", "text/plain;version=0.0.4, application/openmetrics-text;q=0.5")
	response, err := client.Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // its text holds the URL as it was given, user and all
		}
		return page{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxPage+1))
	switch kind := response.Header.Get("Content-Type"); {
	case err != nil:
		return page{}, err
	case response.StatusCode == http.StatusNotFound:
		return page{}, errors.New("404: there is no such page; " + elsewhere)
	case response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden:
		return page{}, fmt.Errorf("%d: access is refused; %s", response.StatusCode, allowed)
	case response.StatusCode != http.StatusOK:
		return page{}, fmt.Errorf("status %d", response.StatusCode)
	case strings.HasPrefix(kind, "text/html"):
		return page{}, errors.New("a web page came, not metrics; " + elsewhere)
	case len(text) > maxPage:
		return page{}, fmt.Errorf("the page has more than %d MiB", maxPage>>20)
	}
	return newPage(response.Header.Get("Content-Type"), text), nil
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := make(map[string]string, len(m.Label)+1)
	for _, l := range m.Label {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}

func readingsOf(source, name string, m *dto.Metric) []harness.Reading {
	labels := labelsOf(m)
	one := func(part string, labels map[string]string, v float64) harness.Reading {
		return harness.Reading{Source: source, Series: name + part, Labels: labels, Value: v}
	}
	if m.Histogram == nil {
		if v, ok := valueOf(m); ok {
			return []harness.Reading{one("", labels, v)}
		}
		return nil
	}
	out := []harness.Reading{
		one("_sum", labels, m.Histogram.GetSampleSum()),
		one("_count", labels, float64(m.Histogram.GetSampleCount())),
	}
	for _, b := range m.Histogram.Bucket {
		with := map[string]string{"le": bound(b.GetUpperBound())}
		for k, v := range labels {
			with[k] = v
		}
		out = append(out, one("_bucket", with, float64(b.GetCumulativeCount())))
	}
	return out
}

// valueOf is the value of a gauge, a counter, or what has no type.
func valueOf(m *dto.Metric) (float64, bool) {
	switch {
	case m.Gauge != nil:
		return m.Gauge.GetValue(), true
	case m.Counter != nil:
		return m.Counter.GetValue(), true
	case m.Untyped != nil:
		return m.Untyped.GetValue(), true
	}
	return 0, false
}

func bound(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// ofVLLM keeps vLLM's families, without the creation times beside each. Of
// histograms that the catalogue knows it keeps the buckets; of the others, which
// count tokens and parameters, sum and count are enough. Of the web server below it
// requests are counted by status.
func ofVLLM(sample string) bool {
	if sample == "http_requests_total" {
		return true
	}
	if !strings.HasPrefix(sample, "vllm:") || strings.HasSuffix(sample, "_created") {
		return false
	}
	of, isBucket := strings.CutSuffix(sample, "_bucket")
	if !isBucket {
		return true
	}
	switch harness.CurrentSeries(of) {
	case "vllm:time_to_first_token_seconds", "vllm:inter_token_latency_seconds", "vllm:request_time_per_output_token_seconds",
		"vllm:e2e_request_latency_seconds", "vllm:request_queue_time_seconds", "vllm:request_inference_time_seconds",
		"vllm:request_prefill_time_seconds", "vllm:request_decode_time_seconds":
		return true
	}
	return false
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
