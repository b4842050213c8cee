package metrics

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
	line, between := append(make([]byte, 0, 256), name...), byte('{')
	for _, pair := range pairs {
		line = append(append(append(line, between), pair[0]...), '=')
		line, between = strconv.AppendQuote(line, pair[1]), ','
	}
	if len(pairs) > 0 {
		line = append(line, '}')
	}
	line = append(append(append(line, ' '), p.number(v)...), '\n')
	_, _ = p.Write(line) // the page is a buffer, or an answer that has no one left to read it
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

// creation writes the family of when each series began, which stands beside that
// of the series.
func (p page) creation(name, help string, series ...[]string) {
	p.head(name+"_created", help, "gauge")
	for _, labels := range series {
		p.bare(name+"_created", p.created, labels...)
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
		p.bare(name+"_bucket", sum, append(slices.Clone(labels), "le", PythonFloat(bound))...)
	}
	p.bare(name+"_bucket", h.count, append(slices.Clone(labels), "le", "+Inf")...)
	p.bare(name+"_count", h.count, labels...)
	p.bare(name+"_sum", h.sum, labels...)
}

func (p page) number(v float64) string {
	if p.rust {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return PythonFloat(v)
}

// PythonFloat prints a number as Python's repr does: 3.0, 0.25.
func PythonFloat(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e16 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// Expose is the page of all metrics.
func (m *Metrics) Expose() (contentType string, body []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out bytes.Buffer
	p := page{&out, m.config.Rust, m.config.Model, m.created}
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

func (m *Metrics) exposeQueue(p page) {
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

func (m *Metrics) exposeCounters(p page) {
	p.counter("vllm:prefix_cache_queries", "Tokens looked up in the prefix cache.", m.queries)
	p.counter("vllm:prefix_cache_hits", "Tokens found in the prefix cache.", m.hits)
	p.counter("vllm:external_prefix_cache_queries", "Tokens looked up in a cache elsewhere.", 0)
	p.counter("vllm:external_prefix_cache_hits", "Tokens found in a cache elsewhere.", 0)
	p.counter("vllm:mm_cache_queries", "Items looked up in the multimodal cache.", m.looked)
	p.counter("vllm:mm_cache_hits", "Items found in the multimodal cache.", m.found)
	p.counter("vllm:num_preemptions", "Preemptions.", m.preemptions)
	p.counter("vllm:prompt_tokens", "Prompt tokens of completed prefills.", m.prompt)
	p.split("vllm:prompt_tokens_by_source", "Prompt tokens by origin.", "source",
		map[string]float64{"local_compute": m.prompt - m.cached, "local_cache_hit": m.cached, "external_kv_transfer": 0})
	p.counter("vllm:prompt_tokens_cached", "Prompt tokens served from the cache.", m.cached)
	p.split("vllm:prompt_tokens_cached_by_source", "Prompt tokens served from a cache, by where it is.", "source",
		map[string]float64{"device": m.cached, "host": 0, "p2p": 0, "disk": 0, "external_unspecified": 0})
	p.counter("vllm:generation_tokens", "Generated tokens.", m.generation)
	reasons := map[string]float64{}
	for _, reason := range []string{"stop", "length", "abort", "error", "repetition"} {
		reasons[reason] = m.success[reason]
	}
	p.split("vllm:request_success", "Finished requests by reason.", "finished_reason", reasons)
	if !p.rust {
		m.exposeRejections(p)
		for _, what := range []string{"flops", "read_bytes", "write_bytes"} {
			p.counter("vllm:estimated_"+what+"_per_gpu", "Not estimated.", 0)
		}
	}
	if k := m.config.DraftTokens; k > 0 {
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

// exposeRejections is of the front end, not of an engine.
func (m *Metrics) exposeRejections(p page) {
	const name, help = "vllm:admission_rejections", "Requests that a bound of the queue refused."
	p.head(name+"_total", help, "counter")
	var series [][]string
	for _, reason := range slices.Sorted(maps.Keys(m.rejections)) {
		labels := []string{"model_name", p.model, "reason", reason}
		p.bare(name+"_total", m.rejections[reason], labels...)
		series = append(series, labels)
	}
	p.creation(name, help, series...)
}

func (m *Metrics) exposeHistograms(p page) {
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
	p.histogram("vllm:request_num_preemptions", "How often a request was preempted.", &m.lost)
}

func (m *Metrics) exposeConfig(p page) {
	if !p.rust {
		p.head("vllm:cache_config_info", "Configuration of the KV cache.", "gauge")
		p.bare("vllm:cache_config_info", 1, m.cacheConfig()...)
	}
	if len(m.slots) == 0 {
		return
	}
	p.head("vllm:lora_requests_info", "Adapters whose requests run and wait; the value is when.", "gauge")
	byName := func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }
	for _, who := range slices.SortedFunc(maps.Keys(m.slots), byName) {
		p.bare("vllm:lora_requests_info", m.slots[who], "max_lora", strconv.Itoa(m.config.MaxLoRA), "running_lora_adapters", who[0], "waiting_lora_adapters", who[1])
	}
}

// cacheConfig is every field of vLLM's CacheConfig, those that the mock has with
// its own values.
func (m *Metrics) cacheConfig() []string {
	size, blocks, length := m.config.BlockSize, m.config.Blocks, m.config.MaxModelLen
	labels := []string{"engine", "0", "block_size", strconv.Itoa(size), "effective_attention_block_size", strconv.Itoa(size),
		"enable_prefix_caching", map[bool]string{true: "True", false: "False"}[m.config.PrefixCache], "num_gpu_blocks", strconv.Itoa(blocks),
		"kv_cache_size_tokens", strconv.Itoa(blocks * size), "kv_cache_max_concurrency", PythonFloat(float64(blocks*size) / float64(length))}
	for _, field := range strings.Fields(`_block_size_resolved=True cache_dtype=auto cache_hit_alignment_tokens=None
		enable_mamba_shared_prefix_checkpoint=False gpu_memory_utilization=0.92 hash_block_size=None is_attention_free=False
		kv_cache_dtype_skip_layers=[] kv_cache_layout=None kv_cache_memory_bytes=None kv_offloading_backend=native kv_offloading_size=None
		kv_sharing_fast_prefill=False mamba_block_size=None mamba_cache_dtype=auto mamba_cache_mode=none mamba_page_size_padded=None
		mamba_ssm_cache_dtype=auto num_cpu_blocks=None num_gpu_blocks_override=None prefix_cache_retention_interval=0
		prefix_caching_hash_algo=sha256 prefix_match_unit=None replayssm_buffer_len=16 skip_page_size_padded=None sliding_window=None
		swa_bounded_replay=True use_kda_recoverssm=False use_replayssm=False user_specified_block_size=False`) {
		name, value, _ := strings.Cut(field, "=")
		labels = append(labels, name, value)
	}
	return labels
}
