package mockvllm

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// page writes families of metrics, as Python's prometheus_client does (text
// format 0.0.4: labels in alphabetical order, every number a float, a gauge
// _created beside every counter) or as vLLM's Rust front end does (OpenMetrics:
// the model first, whole numbers without a fraction, no _created, and nothing
// of a family before it was observed).
type page struct {
	io.Writer
	rust    bool
	model   string
	created float64
}

// contentType is that of the dialect.
func (p page) contentType() string {
	if p.rust {
		return "application/openmetrics-text; version=1.0.0; charset=utf-8"
	}
	return "text/plain; version=0.0.4; charset=utf-8"
}

func (p page) head(name, help, kind string) {
	if p.rust && kind == "counter" {
		name = strings.TrimSuffix(name, "_total")
	}
	fmt.Fprintf(p, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// sample writes one value of the engine, with the labels that all have.
func (p page) sample(name string, v float64, labels ...string) {
	p.bare(name, v, append([]string{"model_name", p.model, "engine", "0"}, labels...)...)
}

// bare writes one value with these labels only: name, value, name, value.
func (p page) bare(name string, v float64, labels ...string) {
	pairs := slices.Collect(slices.Chunk(labels, 2))
	if !p.rust {
		slices.SortFunc(pairs, func(a, b []string) int { return cmp.Compare(a[0], b[0]) })
	}
	fmt.Fprint(p, name)
	for i, pair := range pairs {
		fmt.Fprintf(p, "%s%s=%q", map[bool]string{true: "{", false: ","}[i == 0], pair[0], pair[1])
	}
	if len(pairs) > 0 {
		fmt.Fprint(p, "}")
	}
	fmt.Fprintf(p, " %s\n", p.number(v))
}

func (p page) gauge(name, help string, v float64) {
	p.head(name, help, "gauge")
	p.sample(name, v)
}

func (p page) counter(name, help string, v float64) {
	p.split(name, help, "", map[string]float64{"": v})
}

// split writes a counter, by the values of one label where there is one.
func (p page) split(name, help, label string, values map[string]float64) {
	names := slices.Sorted(maps.Keys(values))
	if p.rust {
		names = slices.DeleteFunc(names, func(n string) bool { return values[n] == 0 })
		if len(names) == 0 {
			return
		}
	}
	labels := func(value string) []string {
		if label == "" {
			return nil
		}
		return []string{label, value}
	}
	p.head(name+"_total", help, "counter")
	for _, n := range names {
		p.sample(name+"_total", values[n], labels(n)...)
	}
	if p.rust {
		return
	}
	p.head(name+"_created", help, "gauge")
	for _, n := range names {
		p.sample(name+"_created", p.created, labels(n)...)
	}
}

func (p page) histogram(name, help string, h *histogram) {
	if p.rust && h.count == 0 {
		return
	}
	p.head(name, help, "histogram")
	p.buckets(name, h, "model_name", p.model, "engine", "0")
	if !p.rust {
		p.gauge(name+"_created", help, p.created)
	}
}

func (p page) buckets(name string, h *histogram, labels ...string) {
	sum := 0.0
	for i, bound := range h.bounds {
		sum += h.counts[i]
		p.bare(name+"_bucket", sum, append(slices.Clone(labels), "le", float(bound))...)
	}
	p.bare(name+"_bucket", h.count, append(slices.Clone(labels), "le", "+Inf")...)
	p.bare(name+"_count", h.count, labels...)
	p.bare(name+"_sum", h.sum, labels...)
}

func (p page) number(v float64) string {
	if p.rust {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return float(v)
}

// float prints a number as Python's repr does: 3.0, 0.25.
func float(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e16 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// expose is the page of all metrics.
func (m *metrics) expose() (contentType string, body []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out bytes.Buffer
	p := page{&out, m.config.Dialect == Rust, m.model, m.created}
	if !p.rust {
		p.head("process_start_time_seconds", "Start of the process, in seconds since 1970.", "gauge")
		p.bare("process_start_time_seconds", m.started)
	}
	m.exposeQueue(p)
	m.exposeCounters(p)
	m.exposeHistograms(p)
	m.exposeConfig(p)
	m.exposeHTTP(p)
	if p.rust {
		fmt.Fprint(p, "# EOF\n")
	}
	return p.contentType(), out.Bytes()
}

func (m *metrics) exposeQueue(p page) {
	p.gauge("vllm:num_requests_running", "Requests in the running batch.", float64(m.running))
	p.gauge("vllm:num_requests_waiting", "Requests waiting to run.", float64(m.waiting))
	p.head("vllm:num_requests_waiting_by_reason", "Waiting requests by cause.", "gauge")
	p.sample("vllm:num_requests_waiting_by_reason", float64(m.waiting-m.deferred), "reason", "capacity")
	p.sample("vllm:num_requests_waiting_by_reason", float64(m.deferred), "reason", "deferred")
	if !p.rust {
		p.head("vllm:engine_sleep_state", "One for the state that the engine is in.", "gauge")
		for level, state := range []string{"awake", "weights_offloaded", "discard_all"} {
			p.sample("vllm:engine_sleep_state", map[bool]float64{true: 1}[m.asleep == level], "sleep_state", state)
		}
	}
	p.gauge("vllm:kv_cache_usage_perc", "Share of the KV cache in use, 0 to 1.", m.usage)
}

func (m *metrics) exposeCounters(p page) {
	p.counter("vllm:prefix_cache_queries", "Tokens looked up in the prefix cache.", m.queries)
	p.counter("vllm:prefix_cache_hits", "Tokens found in the prefix cache.", m.hits)
	p.counter("vllm:external_prefix_cache_queries", "Tokens looked up in a cache elsewhere.", 0)
	p.counter("vllm:external_prefix_cache_hits", "Tokens found in a cache elsewhere.", 0)
	p.counter("vllm:mm_cache_queries", "Items looked up in the multimodal cache.", 0)
	p.counter("vllm:mm_cache_hits", "Items found in the multimodal cache.", 0)
	p.counter("vllm:num_preemptions", "Preemptions.", m.preemptions)
	p.counter("vllm:prompt_tokens", "Prompt tokens of completed prefills.", m.prompt)
	p.split("vllm:prompt_tokens_by_source", "Prompt tokens by origin.", "source",
		map[string]float64{"local_compute": m.prompt - m.cached, "local_cache_hit": m.cached, "external_kv_transfer": 0})
	p.counter("vllm:prompt_tokens_cached", "Prompt tokens served from the cache.", m.cached)
	p.counter("vllm:generation_tokens", "Generated tokens.", m.generation)
	reasons := map[string]float64{}
	for _, reason := range []string{"stop", "length", "abort", "error", "repetition"} {
		reasons[reason] = m.success[reason]
	}
	p.split("vllm:request_success", "Finished requests by reason.", "finished_reason", reasons)
	if k := m.config.Draft.Tokens; k > 0 {
		p.counter("vllm:spec_decode_num_drafts", "Drafts of speculative decoding.", m.drafts)
		p.counter("vllm:spec_decode_num_draft_tokens", "Drafted tokens.", m.drafts*float64(k))
		p.counter("vllm:spec_decode_num_accepted_tokens", "Drafted tokens that were right.", m.accepted)
		positions := map[string]float64{}
		for i, n := range m.acceptedAt {
			positions[strconv.Itoa(i)] = n
		}
		p.split("vllm:spec_decode_num_accepted_tokens_per_pos", "Drafted tokens that were right, by position.", "position", positions)
	}
}

func (m *metrics) exposeHistograms(p page) {
	p.histogram("vllm:request_prompt_tokens", "Prompt tokens of finished requests.", &m.promptTokens)
	p.histogram("vllm:request_generation_tokens", "Generated tokens of finished requests.", &m.generationTokens)
	if !p.rust {
		p.histogram("vllm:iteration_tokens_total", "Tokens of each step with output.", &m.it)
	}
	p.histogram("vllm:request_max_num_generation_tokens", "Longest answer of a request.", &m.longest)
	p.histogram("vllm:request_params_n", "Parameter n.", &m.n)
	p.histogram("vllm:request_params_max_tokens", "Parameter max_tokens.", &m.maxTokens)
	p.histogram("vllm:request_prefill_kv_computed_tokens", "Prompt tokens not found in the cache.", &m.computed)
	p.histogram("vllm:time_to_first_token_seconds", "From the request's arrival to its first token.", &m.ttft)
	p.histogram("vllm:inter_token_latency_seconds", "Between successive outputs of a request.", &m.itl)
	p.histogram("vllm:request_time_per_output_token_seconds", "Decode time per token after the first.", &m.tpot)
	p.histogram("vllm:e2e_request_latency_seconds", "From the request's arrival to its last token.", &m.e2e)
	p.histogram("vllm:request_queue_time_seconds", "From queued to first scheduled.", &m.queue)
	p.histogram("vllm:request_inference_time_seconds", "From first scheduled to the last token.", &m.inference)
	p.histogram("vllm:request_prefill_time_seconds", "From first scheduled to the first token.", &m.prefill)
	p.histogram("vllm:request_decode_time_seconds", "From the first token to the last.", &m.decode)
}

func (m *metrics) exposeConfig(p page) {
	if !p.rust {
		size := m.profile.BlockSize
		p.head("vllm:cache_config_info", "Configuration of the KV cache.", "gauge")
		p.bare("vllm:cache_config_info", 1, "block_size", strconv.Itoa(size), "enable_prefix_caching", map[bool]string{true: "False", false: "True"}[m.config.NoPrefixCache],
			"engine", "0", "kv_cache_size_tokens", strconv.Itoa(m.profile.Blocks*size), "num_gpu_blocks", strconv.Itoa(m.profile.Blocks))
	}
	if len(m.slots) == 0 {
		return
	}
	p.head("vllm:lora_requests_info", "Adapters whose requests run and wait; the value is when.", "gauge")
	byName := func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }
	for _, who := range slices.SortedFunc(maps.Keys(m.slots), byName) {
		p.bare("vllm:lora_requests_info", m.slots[who], "max_lora", strconv.Itoa(m.config.MaxAdapters), "running_lora_adapters", who[0], "waiting_lora_adapters", who[1])
	}
}

// exposeHTTP is what prometheus-fastapi-instrumentator tells of requests.
func (m *metrics) exposeHTTP(p page) {
	if p.rust || len(m.http) == 0 {
		return
	}
	routes := slices.SortedFunc(maps.Keys(m.http), func(a, b route) int {
		return cmp.Or(cmp.Compare(a.handler, b.handler), cmp.Compare(a.method, b.method))
	})
	p.head("http_requests_total", "Requests by handler, method and class of status.", "counter")
	for _, r := range routes {
		for _, status := range slices.Sorted(maps.Keys(m.http[r].status)) {
			p.bare("http_requests_total", m.http[r].status[status], "handler", r.handler, "method", r.method, "status", status)
		}
	}
	for _, size := range []struct {
		name, help string
		of         func(*traffic) float64
	}{{"http_request_size_bytes", "Content length of requests.", func(t *traffic) float64 { return t.asked }},
		{"http_response_size_bytes", "Content length of responses; 0 for streams.", func(t *traffic) float64 { return t.given }}} {
		p.head(size.name, size.help, "summary")
		byHandler := map[string]*[2]float64{}
		for _, r := range routes {
			if byHandler[r.handler] == nil {
				byHandler[r.handler] = new([2]float64)
			}
			byHandler[r.handler][0] += m.http[r].seconds.count
			byHandler[r.handler][1] += size.of(m.http[r])
		}
		for _, handler := range slices.Sorted(maps.Keys(byHandler)) {
			p.bare(size.name+"_count", byHandler[handler][0], "handler", handler)
			p.bare(size.name+"_sum", byHandler[handler][1], "handler", handler)
		}
	}
	p.head("http_request_duration_highr_seconds", "Time to the end of the response, of all handlers.", "histogram")
	p.buckets("http_request_duration_highr_seconds", &m.responses)
	p.head("http_request_duration_seconds", "Time to the end of the response.", "histogram")
	for _, r := range routes {
		p.buckets("http_request_duration_seconds", &m.http[r].seconds, "handler", r.handler, "method", r.method)
	}
}
