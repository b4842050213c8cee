// Package metrics counts what the engine and its front end do, and writes it as
// vLLM's /metrics does: its names, types, labels, buckets and both of its dialects.
package metrics

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Metrics are the families of vLLM that the engine has, under vLLM's names,
// types, labels and buckets (vllm/v1/metrics/loggers.py). They are fed with the
// instants of the engine's own clock.
type Metrics struct {
	mu      sync.Mutex
	config  Config
	started float64 // of the process
	figures
}

// Config is what the metrics tell of the server's settings.
type Config struct {
	Model             string // as it is served
	Rust              bool   // written as vLLM's Rust front end writes them
	Blocks, BlockSize int    // of the KV cache
	PrefixCache       bool
	MaxModelLen       int
	DraftTokens       int  // of speculative decoding
	LoRA              bool // there are adapters, or can be
	MaxLoRA           int  // adapters in one step
}

// A Sequence is what the engine knows of a sequence whose prompt is computed, or that ends.
type Sequence struct {
	Received, Queued, Scheduled, First time.Time
	Prompt, Cached, Generated          int // tokens
	MaxTokens                          int // as the request bounded them
	Preemptions                        int
	Finish                             string // stop, length or tool_calls
	Counted                            int    // how often the metrics count it: once, unless a fault is on
	Answers, Longest                   int    // of its request, where it is the last to end: how many, and the tokens of the longest
}

// figures are what the metrics tell; a restart sets them back.
type figures struct {
	created float64

	running, waiting, deferred int
	usage                      float64
	asleep                     int

	queries, hits, preemptions, prompt, cached, generation float64
	looked, found                                          float64 // in the multimodal cache
	success                                                map[string]float64
	rejections                                             map[string]float64 // by the bound that was reached
	drafts, accepted                                       float64
	acceptedAt                                             []float64             // by position of the draft
	slots                                                  map[[2]string]float64 // adapters that run and wait → when last
	http                                                   map[Route]*traffic

	ttft, itl, tpot, e2e, queue, prefill, decode, inference                   histogram
	promptTokens, generationTokens, longest, maxTokens, n, computed, it, lost histogram
	responses                                                                 histogram // HTTP, of all handlers
}

// A Route is what HTTP metrics tell apart.
type Route struct{ Handler, Method string }

type traffic struct {
	status       map[string]float64 // 2xx, 4xx, 5xx
	seconds      histogram
	asked, given float64 // bytes
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

// New are those of a server that starts now.
func New(c Config) *Metrics {
	now := seconds(time.Now())
	return &Metrics{config: c, started: now, figures: newFigures(c, now)}
}

func seconds(at time.Time) float64 { return float64(at.UnixNano()) / 1e9 }

func newFigures(c Config, now float64) figures {
	ttft := []float64{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560}
	itl := []float64{.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80}
	lat := []float64{.3, .5, .8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680}
	lengths := oneTwoFive(c.MaxModelLen)
	if c.Rust {
		lengths = oneTwoFive(131072)
	}
	return figures{
		created: now, success: map[string]float64{}, rejections: map[string]float64{"max_num_queued_reqs": 0, "max_num_queued_tokens": 0}, http: map[Route]*traffic{}, slots: map[[2]string]float64{}, acceptedAt: make([]float64, c.DraftTokens),
		ttft: newHistogram(ttft...), itl: newHistogram(itl...), tpot: newHistogram(itl...), e2e: newHistogram(lat...),
		queue: newHistogram(lat...), prefill: newHistogram(lat...), decode: newHistogram(lat...), inference: newHistogram(lat...),
		promptTokens: newHistogram(lengths...), generationTokens: newHistogram(lengths...), longest: newHistogram(lengths...),
		maxTokens: newHistogram(lengths...), computed: newHistogram(lengths...), n: newHistogram(1, 2, 5, 10, 20), lost: newHistogram(1, 2, 3, 4, 5, 10, 20),
		it:        newHistogram(1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384),
		responses: newHistogram(.01, .025, .05, .075, .1, .25, .5, .75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60),
	}
}

// Restart sets every counter back, as if the server had been started now.
func (m *Metrics) Restart(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	running, waiting, usage := m.running, m.waiting, m.usage
	m.started = seconds(at)
	m.figures = newFigures(m.config, m.started)
	m.running, m.waiting, m.usage = running, waiting, usage
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

// Gauges notes the state of the queue, and the share of the KV cache in use.
func (m *Metrics) Gauges(running, waiting, deferred int, usage float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running, m.waiting, m.deferred, m.usage = running, waiting, deferred, usage
}

// Sleeping notes how deep the engine sleeps; 0 is awake.
func (m *Metrics) Sleeping(level int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asleep = level
}

// Admitted counts the prompt tokens of a sequence that runs for the first time, and those found in the cache.
func (m *Metrics) Admitted(prompt, cached int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queries += float64(prompt)
	m.hits += float64(cached)
}

// Looked counts the media of a request, and those of them found in the multimodal cache.
func (m *Metrics) Looked(media, found int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looked += float64(media)
	m.found += float64(found)
}

// Prefilled counts a sequence whose prompt is computed.
func (m *Metrics) Prefilled(s *Sequence) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range s.Counted {
		m.prompt += float64(s.Prompt)
		m.cached += float64(s.Cached)
		m.ttft.observe(s.First.Sub(s.Received).Seconds())
	}
}

// Gap counts the time between two outputs of a sequence.
func (m *Metrics) Gap(gap time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.itl.observe(gap.Seconds())
}

// Generated counts tokens, and the preemptions that their sequence has been
// through: vLLM reports those with the output that comes after.
func (m *Metrics) Generated(tokens, preempted int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.generation += float64(tokens)
	m.preemptions += float64(preempted)
}

// Drafted counts the guessed tokens of a step of one sequence.
func (m *Metrics) Drafted(tokens, accepted int) {
	if tokens == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drafts++
	m.accepted += float64(accepted)
	for i := range accepted {
		m.acceptedAt[i]++
	}
}

// Iteration counts the tokens of a step that had output.
func (m *Metrics) Iteration(tokens int) {
	if tokens == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.it.observe(float64(tokens))
}

// Evicted counts a request that the engine itself gave up.
func (m *Metrics) Evicted(finish string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.success[finish]++
}

// Rejected counts a request that the queue had no room for, by requests or by tokens.
func (m *Metrics) Rejected(byRequests bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rejections[map[bool]string{true: "max_num_queued_reqs", false: "max_num_queued_tokens"}[byRequests]]++
}

// Finished counts a sequence that ends.
func (m *Metrics) Finished(s *Sequence, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range s.Counted {
		m.finish(s, at)
	}
	if s.Answers > 0 {
		m.longest.observe(float64(s.Longest))
		m.n.observe(float64(s.Answers))
	}
}

func (m *Metrics) finish(s *Sequence, at time.Time) {
	finish := s.Finish
	if finish == "tool_calls" {
		finish = "stop" // the engine knows nothing of tools
	}
	m.success[finish]++
	m.e2e.observe(at.Sub(s.Received).Seconds())
	m.queue.observe(s.Scheduled.Sub(s.Queued).Seconds())
	m.prefill.observe(s.First.Sub(s.Scheduled).Seconds())
	m.decode.observe(at.Sub(s.First).Seconds())
	m.inference.observe(at.Sub(s.Scheduled).Seconds())
	perToken := 0.0
	if s.Generated > 1 {
		perToken = at.Sub(s.First).Seconds() / float64(s.Generated-1)
	}
	m.tpot.observe(perToken)
	m.promptTokens.observe(float64(s.Prompt))
	m.generationTokens.observe(float64(s.Generated))
	m.computed.observe(float64(s.Prompt - s.Cached))
	m.maxTokens.observe(float64(s.MaxTokens))
	m.lost.observe(float64(s.Preemptions))
}

// Adapters notes whose LoRA adapters run and wait; "" is the model itself.
func (m *Metrics) Adapters(running, waiting iter.Seq[string]) {
	if !m.config.LoRA {
		return
	}
	names := func(adapters iter.Seq[string]) string {
		set := map[string]bool{}
		for name := range adapters {
			if name != "" {
				set[name] = true
			}
		}
		return strings.Join(slices.Sorted(maps.Keys(set)), ",")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.slots[[2]string{names(running), names(waiting)}] = seconds(time.Now())
}

// Responded counts an HTTP request.
func (m *Metrics) Responded(r Route, status string, took time.Duration, asked, given int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.http[r]
	if t == nil {
		t = &traffic{status: map[string]float64{}, seconds: newHistogram(.1, .5, 1)}
		m.http[r] = t
	}
	t.status[status]++
	t.seconds.observe(took.Seconds())
	t.asked += float64(max(0, asked))
	t.given += float64(given)
	m.responses.observe(took.Seconds())
}
