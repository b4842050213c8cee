package foreign

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/internal/redact"
)

// aiperfSummary is profile_export_aiperf.json, as far as it is used.
type aiperfSummary struct {
	Version string `json:"aiperf_version"`
	Start   string `json:"start_time"`
	End     string `json:"end_time"`
	Config  struct {
		Models struct {
			Items []struct {
				Name string `json:"name"`
			} `json:"items"`
		} `json:"models"`
		Endpoint struct {
			URLs   []string `json:"urls"`
			URL    string   `json:"url"`
			Type   string   `json:"type"`
			Models []string `json:"model_names"`
		} `json:"endpoint"`
		Phases []struct {
			Name        string   `json:"name"`
			Type        string   `json:"type"`
			Rate        *float64 `json:"rate"`
			Concurrency *int     `json:"concurrency"`
		} `json:"phases"`
	} `json:"input_config"`
	stated map[string]map[string]float64 // by metric and statistic
}

func readAIPerfSummary(path string) (*aiperfSummary, error) {
	r, done, err := text(path)
	if err != nil {
		return nil, err
	}
	defer done()
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	s := &aiperfSummary{stated: map[string]map[string]float64{}}
	var all map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(raw, s), json.Unmarshal(raw, &all)); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", path, lineOf(raw, err), explainField(err))
	}
	if records := all["records"]; records != nil { // as older versions have it
		_ = json.Unmarshal(records, &all)
	}
	for name, value := range all {
		var statistics map[string]any
		if json.Unmarshal(value, &statistics) != nil {
			continue
		}
		s.stated[name] = map[string]float64{}
		for statistic, v := range statistics {
			if number, is := v.(float64); is {
				s.stated[name][statistic] = number
			}
		}
	}
	return s, nil
}

// observed is how long the run was by the summary, by which AIPerf divides; 0 where it does not tell.
func (s *aiperfSummary) observed() time.Duration {
	const form = "2006-01-02T15:04:05.999999999"
	start, err1 := time.Parse(form, s.Start)
	end, err2 := time.Parse(form, s.End)
	if length := end.Sub(start); err1 == nil && err2 == nil && length > 0 && length < longest {
		return length
	}
	return 0
}

// describe is what the summary says of the run.
func (s *aiperfSummary) describe(out *Result) {
	out.Version = clean(s.Version)
	if observed := s.observed(); observed > 0 {
		out.To = out.From + observed
		out.Length = max(out.Length, out.To)
	}
	c := s.Config
	for _, model := range c.Models.Items {
		c.Endpoint.Models = append(c.Endpoint.Models, model.Name)
	}
	out.Model = clean(strings.Join(c.Endpoint.Models, ", "))
	if c.Endpoint.URL != "" {
		c.Endpoint.URLs = append(c.Endpoint.URLs, c.Endpoint.URL)
	}
	if len(c.Endpoint.URLs) > 0 {
		out.URL = redact.URL(c.Endpoint.URLs[0])
	}
	out.Chat = strings.Contains(c.Endpoint.Type, "chat")
	for _, phase := range c.Phases {
		if phase.Rate != nil {
			out.Load = fmt.Sprintf("%g requests per second, %s", *phase.Rate, clean(phase.Type))
		} else if phase.Concurrency != nil {
			out.Load = fmt.Sprintf("%d at once", *phase.Concurrency)
		}
	}
}

// aiperfFigures are what AIPerf states, and what its requests give when they are computed as it does: percentiles by
// linear interpolation, throughput by the time that the run was observed.
func aiperfFigures(s *aiperfSummary, p *aiperfPass, of *Result) []Figure {
	t, over := p.t, (of.To - of.From).Seconds()
	var out []Figure
	add := func(metric, statistic string, value float64) {
		if stated, is := s.stated[metric][statistic]; is {
			out = append(out, Figure{metric + " " + statistic, stated, value})
		}
	}
	add("request_count", "avg", float64(t.ok))
	add("error_request_count", "avg", float64(t.failed))
	if s.observed() > 0 {
		add("request_throughput", "avg", float64(t.ok)/over)
	}
	metrics := map[string][]float64{"time_to_first_token": t.ttft, "request_latency": t.e2e}
	if p.sameCount {
		metrics["inter_token_latency"] = t.rest
		if s.observed() > 0 {
			add("output_token_throughput", "avg", t.output/over)
		}
	}
	for name, values := range metrics {
		sorted := slices.Sorted(slices.Values(values))
		add(name, "avg", mean(values)*1000)
		for statistic, q := range map[string]float64{"p50": .5, "p90": .9, "p95": .95, "p99": .99} {
			add(name, statistic, linear(sorted, q)*1000)
		}
	}
	add("inter_chunk_latency", "avg", mean(t.gaps)*1000) // its percentiles come from a sketch
	return sortedFigures(out)
}

// lineOf is the line of a text that an error of encoding/json is about.
func lineOf(raw []byte, err error) int {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return lineAt(raw, syntax.Offset)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return lineAt(raw, kind.Offset)
	}
	return lineAt(raw, int64(len(raw)))
}
