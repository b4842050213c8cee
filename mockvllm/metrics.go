package mockvllm

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// metrics are the families of vLLM that the engine has, under vLLM's names,
// types, labels and buckets (vllm/v1/metrics/loggers.py). They are fed with the
// instants of the engine's own clock.
type metrics struct {
	mu      sync.Mutex
	model   string
	profile Profile
	config  Config
	started float64 // of the process
	figures
}

// figures are what the metrics tell; a restart sets them back.
type figures struct {
	created float64

	running, waiting, deferred int
	usage                      float64
	asleep                     int

	queries, hits, preemptions, prompt, cached, generation float64
	success                                                map[string]float64
	rejections                                             map[string]float64 // by the bound that was reached
	drafts, accepted                                       float64
	acceptedAt                                             []float64             // by position of the draft
	slots                                                  map[[2]string]float64 // adapters that run and wait → when last
	http                                                   map[route]*traffic

	ttft, itl, tpot, e2e, queue, prefill, decode, inference                   histogram
	promptTokens, generationTokens, longest, maxTokens, n, computed, it, lost histogram
	responses                                                                 histogram // HTTP, of all handlers
}

// A route is what HTTP metrics tell apart.
type route struct{ handler, method string }

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

func newMetrics(c Config) *metrics {
	now := seconds(time.Now())
	return &metrics{model: c.Names[0], profile: c.Profile, config: c, started: now, figures: newFigures(c, now)}
}

func seconds(at time.Time) float64 { return float64(at.UnixNano()) / 1e9 }

func newFigures(c Config, now float64) figures {
	ttft := []float64{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560}
	itl := []float64{.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80}
	lat := []float64{.3, .5, .8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680}
	lengths := oneTwoFive(c.Profile.MaxModelLen)
	if c.Dialect == Rust {
		lengths = oneTwoFive(131072)
	}
	return figures{
		created: now, success: map[string]float64{}, rejections: map[string]float64{"max_num_queued_reqs": 0, "max_num_queued_tokens": 0}, http: map[route]*traffic{}, slots: map[[2]string]float64{}, acceptedAt: make([]float64, c.Draft.Tokens),
		ttft: newHistogram(ttft...), itl: newHistogram(itl...), tpot: newHistogram(itl...), e2e: newHistogram(lat...),
		queue: newHistogram(lat...), prefill: newHistogram(lat...), decode: newHistogram(lat...), inference: newHistogram(lat...),
		promptTokens: newHistogram(lengths...), generationTokens: newHistogram(lengths...), longest: newHistogram(lengths...),
		maxTokens: newHistogram(lengths...), computed: newHistogram(lengths...), n: newHistogram(1, 2, 5, 10, 20), lost: newHistogram(1, 2, 3, 4, 5, 10, 20),
		it:        newHistogram(1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384),
		responses: newHistogram(.01, .025, .05, .075, .1, .25, .5, .75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60),
	}
}

// restart sets every counter back, as if the server had been started now.
func (m *metrics) restart(at time.Time) {
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

func (m *metrics) gauges(running, waiting, deferred int, usage float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running, m.waiting, m.deferred, m.usage = running, waiting, deferred, usage
}

func (m *metrics) sleeping(level int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asleep = level
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
	for range 1 + s.miscounted {
		m.prompt += float64(s.prompt)
		m.cached += float64(s.cached)
		m.ttft.observe(at.Sub(s.received).Seconds())
	}
}

func (m *metrics) next(gap time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.itl.observe(gap.Seconds())
}

// generated counts tokens, and the preemptions that their sequence has been
// through: vLLM reports those with the output that comes after.
func (m *metrics) generated(tokens, preempted int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.generation += float64(tokens)
	m.preemptions += float64(preempted)
}

// drafted counts the guessed tokens of a step of one sequence.
func (m *metrics) drafted(tokens, accepted int) {
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

func (m *metrics) iteration(tokens int) {
	if tokens == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.it.observe(float64(tokens))
}

// evicted counts a request that the engine itself gave up.
func (m *metrics) evicted(finish string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.success[finish]++
}

// rejected counts a request that the queue had no room for, by requests or by tokens.
func (m *metrics) rejected(byRequests bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rejections[map[bool]string{true: "max_num_queued_reqs", false: "max_num_queued_tokens"}[byRequests]]++
}

func (m *metrics) finished(s *sequence, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range 1 + s.miscounted {
		m.finish(s, at)
	}
	if c := s.copies; c.done(len(s.tokens) - s.prompt) {
		m.longest.observe(float64(c.longest))
		m.n.observe(float64(c.n))
	}
}

func (m *metrics) finish(s *sequence, at time.Time) {
	tokens := len(s.tokens) - s.prompt
	finish := s.answer.finish
	if finish == "tool_calls" {
		finish = "stop" // the engine knows nothing of tools
	}
	m.success[finish]++
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
	m.lost.observe(float64(s.preemptions))
}

// adapters notes whose adapters run and wait.
func (m *metrics) adapters(running, waiting []*sequence) {
	if len(m.config.Adapters) == 0 && !m.config.RuntimeAdapters {
		return
	}
	names := func(list []*sequence) string {
		set := map[string]bool{}
		for _, s := range list {
			if s.adapter != "" {
				set[s.adapter] = true
			}
		}
		return strings.Join(slices.Sorted(maps.Keys(set)), ",")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.slots[[2]string{names(running), names(waiting)}] = seconds(time.Now())
}

// answered counts an HTTP request.
func (m *metrics) answered(r route, status string, took time.Duration, asked, given int64) {
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
