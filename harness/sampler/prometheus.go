// Package sampler watches beside the load: the metrics that the server exposes, the
// machine that the client runs on with the processes of client and server, and the
// GPUs. docs/watching.md lists the series of each source, with their units.
package sampler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/harness/vllm"
	"github.com/vllmspec/vllmspec/internal/limit"
	"github.com/vllmspec/vllmspec/internal/redact"
)

// Prometheus reads the page of metrics of one server. What it has under an old name
// comes under today's, and what is another software's under vLLM's.
type Prometheus struct {
	URL       string
	HTTP      *http.Client // says who we are, where that is needed
	Source    string       // of the readings: "server"
	Models    []string     // that the label model_name may name; of others on the page the source is [harness.OtherModels]
	Wanted    []string     // series that are read too, though the harness does not need them
	Access    string       // what to do where access is refused; "" is to set VLLM_API_KEY
	Elsewhere string       // what to do where there is no such page; "" is to set VLLM_METRICS_URL

	table   *servers.Translator
	kind    servers.Kind   // of the page that was read last
	engines map[string]int // that the page has had, and how often
	ours    bool           // it has had one of Models
	others  []string       // what else it named
}

// String is what is watched.
func (p *Prometheus) String() string { return p.Source }

// Read scrapes once. Counters and gauges give one reading each, histograms
// their _sum and _count, and their buckets where the catalogue can use them.
func (p *Prometheus) Read(ctx context.Context) ([]harness.Reading, error) {
	readings, err := p.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", redact.URL(p.URL), err)
	}
	return readings, nil
}

// Kind is the software whose page it is, by the names of its series; "" before it was read.
func (p *Prometheus) Kind() servers.Kind { return p.kind }

func (p *Prometheus) read(ctx context.Context) ([]harness.Reading, error) {
	page, err := fetch(ctx, p.HTTP, p.URL, cmp.Or(p.Elsewhere, "set VLLM_METRICS_URL if they are elsewhere"), cmp.Or(p.Access, "set VLLM_API_KEY"))
	if err != nil {
		return nil, err
	}
	if p.table == nil {
		p.table = servers.NewTranslator()
	}
	metrics, err := page.metrics(p.keeps)
	if err != nil {
		return nil, err
	}
	return p.readings(metrics)
}

// readings are those of the metrics of one server.
func (p *Prometheus) readings(metrics []metric) ([]harness.Reading, error) {
	metrics = p.translated(metrics)
	names := map[string]bool{}
	for _, m := range metrics {
		names[m.name] = true
	}
	var readings []harness.Reading
	for _, m := range metrics {
		now := vllm.CurrentSeries(m.name)
		if now != m.name && names[now] {
			continue // both are there while a name is on its way out: one would count twice
		}
		if end, isBucket := m.labels["le"]; isBucket {
			m.labels["le"] = bound(end)
		}
		readings = append(readings, harness.Reading{Source: p.Source, Series: now, Labels: m.labels, Value: m.value})
	}
	if !slices.ContainsFunc(readings, func(r harness.Reading) bool {
		return vllm.IsSeries(r.Series) || slices.Contains(p.Wanted, r.Series)
	}) {
		return nil, errors.New("the page has no metric of vLLM's, or of another server's that is known here; set VLLM_METRICS_URL if they are elsewhere, and start vLLM without --disable-log-stats")
	}
	p.setApart(readings)
	return readings, p.allEngines(readings)
}

// keeps reports whether samples of a name are read.
func (p *Prometheus) keeps(name string) bool {
	return ofVLLM(name) || p.table.Knows(name) || slices.Contains(p.Wanted, name)
}

// translated are the metrics of a page, those of another software by vLLM's names. What the scenario asks for by
// its own name stays beside them.
func (p *Prometheus) translated(metrics []metric) []metric {
	var samples []servers.Sample
	for _, m := range metrics {
		if p.table.Knows(m.name) {
			samples = append(samples, servers.Sample{Name: m.name, Labels: m.labels, Value: m.value})
		}
	}
	kept := slices.DeleteFunc(metrics, func(m metric) bool { return !ofVLLM(m.name) && !slices.Contains(p.Wanted, m.name) })
	if slices.ContainsFunc(kept, func(m metric) bool { return vllm.IsSeries(m.name) }) {
		p.kind = servers.VLLM // gateways and workers add series of their own to an engine's page
		return kept
	}
	p.kind = p.table.Of(samples)
	for _, s := range p.table.Translate(p.kind, samples) {
		if ofVLLM(s.Name) {
			kept = append(kept, metric{name: s.Name, labels: s.Labels, value: s.Value})
		}
	}
	return kept
}

// setApart marks the readings about other models than those that are asked, on a page
// that has one of these, or names several others: which of them is asked is not known.
func (p *Prometheus) setApart(readings []harness.Reading) {
	var others []string
	for _, r := range readings {
		switch model := r.Labels["model_name"]; {
		case p.isOurs(model):
			p.ours = true
		case model != "" && len(others) < limit.Listed && !slices.Contains(others, model):
			others = append(others, model)
		}
	}
	p.others = others
	if !p.ours && (len(p.Models) == 0 || len(others) < 2) {
		return
	}
	for i, r := range readings {
		if model := r.Labels["model_name"]; model != "" && !p.isOurs(model) {
			readings[i].Source = harness.OtherModels
		}
	}
}

// isOurs reports whether a model is one that is asked. Some servers write its name in small letters.
func (p *Prometheus) isOurs(model string) bool {
	return slices.ContainsFunc(p.Models, func(ours string) bool { return strings.EqualFold(ours, model) })
}

// Remarks are that the page names other models only: a server may call its own by
// another name.
func (p *Prometheus) Remarks() []string {
	if p.ours || len(p.Models) == 0 || len(p.others) == 0 {
		return nil
	}
	names := fmt.Sprintf("the server's metrics at %s name no model %q, but %s", redact.URL(p.URL), p.Models[0], strings.Join(p.others, ", "))
	if len(p.others) > 1 {
		return []string{names + ": which of them is asked is not known, and none of their figures is taken; set VLLM_METRICS_URL to the page of the one that is asked, or serve it under its name"}
	}
	return []string{names + ": their figures are taken for its own"}
}

// allEngines is an error where an engine is missing that was there before: a sum
// over the others would be too small, and a queue that seems to be shorter is a lie.
func (p *Prometheus) allEngines(readings []harness.Reading) error {
	now := map[string]int{}
	for _, r := range readings {
		if r.Source == p.Source && r.Series == vllm.NumRequestsRunning {
			now[r.Labels["engine"]]++
		}
	}
	for _, engine := range slices.Sorted(maps.Keys(p.engines)) {
		if now[engine] < p.engines[engine] {
			return fmt.Errorf("engine %q is missing on the page, and was there before", engine)
		}
	}
	p.engines = now
	return nil
}

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
	text, err := io.ReadAll(io.LimitReader(response.Body, limit.Page+1))
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
	case len(text) > limit.Page:
		return page{}, fmt.Errorf("the page has more than %d MiB", limit.Page>>20)
	}
	return newPage(response.Header.Get("Content-Type"), text), nil
}

// bound is the end of a bucket in one way of writing it, whichever the page has.
func bound(end string) string {
	v, err := strconv.ParseFloat(end, 64)
	if err != nil || math.IsInf(v, 1) {
		return end
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// ofVLLM keeps vLLM's families, without the creation times beside each. Of
// histograms that the catalogue knows it keeps the buckets; of the others, which
// count tokens and parameters, sum and count are enough. Of the web server below it
// requests are counted by status, and when its process began.
func ofVLLM(sample string) bool {
	if sample == "http_requests_total" || sample == "process_start_time_seconds" {
		return true
	}
	if !vllm.IsSeries(sample) || strings.HasSuffix(sample, "_created") {
		return false
	}
	of, isBucket := strings.CutSuffix(sample, "_bucket")
	if !isBucket {
		return true
	}
	switch vllm.CurrentSeries(of) {
	case vllm.TimeToFirstToken, vllm.InterTokenLatency, vllm.RequestTimePerOutputToken,
		vllm.E2ERequestLatency, vllm.RequestQueueTime, vllm.RequestInferenceTime,
		vllm.RequestPrefillTime, vllm.RequestDecodeTime:
		return true
	}
	return false
}

// withoutPath is the address of the server whose page this is.
func withoutPath(raw string) string {
	return strings.TrimSuffix(redact.URL(raw), "/metrics")
}
