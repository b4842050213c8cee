package mockvllm

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"
)

// metrics are the families of vLLM that the engine has, under vLLM's names,
// types, labels and buckets (vllm/v1/metrics/loggers.py). They are fed with the
// instants of the engine's own clock.
type metrics struct {
	mu      sync.Mutex
	model   string
	created float64

	running, waiting int
	usage            float64
	config           string // labels of cache_config_info

	queries, hits, preemptions, prompt, cached, generation float64
	success                                                map[string]float64
	http                                                   map[string]float64

	ttft, itl, tpot, e2e, queue, prefill, decode, inference    histogram
	promptTokens, generationTokens, maxTokens, n, computed, it histogram
}

type histogram struct {
	bounds []float64
	counts []float64
	sum    float64
	count  float64
}

func newHistogram(bounds ...float64) histogram {
	return histogram{bounds: bounds, counts: make([]float64, len(bounds))}
}

func (h *histogram) observe(v float64) {
	h.sum += v
	h.count++
	if i, _ := slices.BinarySearch(h.bounds, v); i < len(h.counts) {
		h.counts[i]++
	}
}

func newMetrics(model string, p Profile) *metrics {
	ttft := []float64{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560}
	itl := []float64{.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80}
	lat := []float64{.3, .5, .8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680}
	lengths := oneTwoFive(p.MaxModelLen)
	return &metrics{
		model: model, created: float64(time.Now().UnixNano()) / 1e9,
		config:  fmt.Sprintf(`block_size="%d",enable_prefix_caching="True",engine="0",num_gpu_blocks="%d"`, blockSize, p.Blocks),
		success: map[string]float64{}, http: map[string]float64{},
		ttft: newHistogram(ttft...), itl: newHistogram(itl...), tpot: newHistogram(itl...), e2e: newHistogram(lat...),
		queue: newHistogram(lat...), prefill: newHistogram(lat...), decode: newHistogram(lat...), inference: newHistogram(lat...),
		promptTokens: newHistogram(lengths...), generationTokens: newHistogram(lengths...),
		maxTokens: newHistogram(lengths...), computed: newHistogram(lengths...), n: newHistogram(1, 2, 5, 10, 20),
		it: newHistogram(1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384),
	}
}

// oneTwoFive is 1, 2, 5, 10, 20, 50 … up to a greatest value.
func oneTwoFive(most int) (out []float64) {
	for decade := 1; ; decade *= 10 {
		for _, m := range []int{1, 2, 5} {
			if m*decade > most {
				return out
			}
			out = append(out, float64(m*decade))
		}
	}
}

func (m *metrics) gauges(running, waiting int, usage float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running, m.waiting, m.usage = running, waiting, usage
}

func (m *metrics) admitted(prompt, cached int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queries += float64(prompt)
	m.hits += float64(cached)
}

func (m *metrics) first(s *sequence, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.prompt += float64(s.prompt)
	m.cached += float64(s.cached)
	m.ttft.observe(at.Sub(s.received).Seconds())
}

func (m *metrics) next(gap time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.itl.observe(gap.Seconds())
}

// generated counts a token, and the preemptions that its sequence has been
// through: vLLM reports those with the output that comes after.
func (m *metrics) generated(preempted int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.generation++
	m.preemptions += float64(preempted)
}

func (m *metrics) iteration(tokens int) {
	if tokens == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.it.observe(float64(tokens))
}

func (m *metrics) finished(s *sequence, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	tokens := len(s.tokens) - s.prompt
	m.success[s.answer.finish]++
	m.e2e.observe(at.Sub(s.received).Seconds())
	m.queue.observe(s.scheduled.Sub(s.queued).Seconds())
	m.prefill.observe(s.first.Sub(s.scheduled).Seconds())
	m.decode.observe(at.Sub(s.first).Seconds())
	m.inference.observe(at.Sub(s.scheduled).Seconds())
	perToken := 0.0
	if tokens > 1 {
		perToken = at.Sub(s.first).Seconds() / float64(tokens-1)
	}
	m.tpot.observe(perToken)
	m.promptTokens.observe(float64(s.prompt))
	m.generationTokens.observe(float64(tokens))
	m.computed.observe(float64(s.prompt - s.cached))
	m.maxTokens.observe(float64(s.maxTokens))
	m.n.observe(1)
}

func (m *metrics) answered(handler, method string, status int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.http[fmt.Sprintf(`handler=%q,method=%q,status="%dxx"`, handler, method, status/100)]++
}

// write renders the page in the Prometheus text format, version 0.0.4.
func (m *metrics) write(w io.Writer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := page{w, fmt.Sprintf(`engine="0",model_name=%q`, m.model), m.created}
	p.gauge("vllm:num_requests_running", "Requests in the running batch.", "", float64(m.running))
	p.gauge("vllm:num_requests_waiting", "Requests waiting to run.", "", float64(m.waiting))
	p.head("vllm:num_requests_waiting_by_reason", "Waiting requests by cause.", "gauge")
	p.sample("vllm:num_requests_waiting_by_reason", `,reason="capacity"`, float64(m.waiting))
	p.sample("vllm:num_requests_waiting_by_reason", `,reason="deferred"`, 0)
	p.gauge("vllm:kv_cache_usage_perc", "Share of the KV cache in use, 0 to 1.", "", m.usage)
	p.counter("vllm:prefix_cache_queries", "Tokens looked up in the prefix cache.", m.queries)
	p.counter("vllm:prefix_cache_hits", "Tokens found in the prefix cache.", m.hits)
	p.counter("vllm:num_preemptions", "Preemptions.", m.preemptions)
	p.counter("vllm:prompt_tokens", "Prompt tokens of completed prefills.", m.prompt)
	p.head("vllm:prompt_tokens_by_source_total", "Prompt tokens by origin.", "counter")
	p.sample("vllm:prompt_tokens_by_source_total", `,source="local_compute"`, m.prompt-m.cached)
	p.sample("vllm:prompt_tokens_by_source_total", `,source="local_cache_hit"`, m.cached)
	p.sample("vllm:prompt_tokens_by_source_total", `,source="external_kv_transfer"`, 0)
	p.counter("vllm:prompt_tokens_cached", "Prompt tokens served from the cache.", m.cached)
	p.counter("vllm:generation_tokens", "Generated tokens.", m.generation)
	p.head("vllm:request_success_total", "Finished requests by reason.", "counter")
	for _, reason := range []string{"stop", "length", "abort", "error", "repetition"} {
		fmt.Fprintf(w, "vllm:request_success_total{engine=\"0\",finished_reason=%q,model_name=%q} %s\n", reason, m.model, number(m.success[reason]))
	}
	m.writeHistograms(p)
	p.head("vllm:cache_config_info", "Configuration of the KV cache.", "gauge")
	fmt.Fprintf(w, "vllm:cache_config_info{%s} 1.0\n", m.config)
	if len(m.http) > 0 {
		p.head("http_requests_total", "Requests by handler, method and class of status.", "counter")
		for _, labels := range slices.Sorted(keys(m.http)) {
			fmt.Fprintf(w, "http_requests_total{%s} %s\n", labels, number(m.http[labels]))
		}
	}
}

func keys(m map[string]float64) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (m *metrics) writeHistograms(p page) {
	p.histogram("vllm:request_prompt_tokens", "Prompt tokens of finished requests.", &m.promptTokens)
	p.histogram("vllm:request_generation_tokens", "Generated tokens of finished requests.", &m.generationTokens)
	p.histogram("vllm:iteration_tokens_total", "Tokens of each step with output.", &m.it)
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

// page writes families as Python's prometheus_client does.
type page struct {
	io.Writer
	labels  string
	created float64
}

func (p page) head(name, help, kind string) {
	fmt.Fprintf(p, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (p page) sample(name, more string, v float64) {
	fmt.Fprintf(p, "%s{%s%s} %s\n", name, p.labels, more, number(v))
}

func (p page) gauge(name, help, more string, v float64) {
	p.head(name, help, "gauge")
	p.sample(name, more, v)
}

func (p page) counter(name, help string, v float64) {
	p.head(name+"_total", help, "counter")
	p.sample(name+"_total", "", v)
	p.gauge(name+"_created", help, "", p.created)
}

func (p page) histogram(name, help string, h *histogram) {
	p.head(name, help, "histogram")
	sum := 0.0
	for i, bound := range h.bounds {
		sum += h.counts[i]
		fmt.Fprintf(p, "%s_bucket{engine=\"0\",le=\"%s\",%s} %s\n", name, number(bound), p.labels[len(`engine="0",`):], number(sum))
	}
	fmt.Fprintf(p, "%s_bucket{engine=\"0\",le=\"+Inf\",%s} %s\n", name, p.labels[len(`engine="0",`):], number(h.count))
	p.sample(name+"_count", "", h.count)
	p.sample(name+"_sum", "", h.sum)
	p.gauge(name+"_created", help, "", p.created)
}

// number prints a float as Python's repr does: 3.0, 0.25.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e16 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
