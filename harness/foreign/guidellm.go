package foreign

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/redact"
)

// GuideLLM writes a report with one benchmark for each strategy, rate or number of users. Of each request it
// has instants in seconds since 1970: when it was targeted to start, when it was sent, when the first and
// the last token came, and when it ended.
func guideLLMFormat() format {
	return format{tool: GuideLLM, name: "GuideLLM", looks: "a JSON report with benchmarks",
		is: func(h *head) kind {
			if h.fields["benchmarks"] && !h.fields["metrics"] || h.fields["metadata.guidellm_version"] {
				return detail
			}
			return none
		},
		read: func(path, _ string) ([]*Result, error) { return readGuideLLM(path) }}
}

// A guideBenchmark is one benchmark of a report.
type guideBenchmark struct {
	version  string
	config   guideConfig
	start    *float64 // of what is measured, since 1970
	duration *float64
	metrics  map[string]guideMetric
	totals   struct{ Successful, Errored *float64 }
	requests []guideRequest
}

// A guideConfig is how a benchmark was run.
type guideConfig struct {
	Strategy struct {
		Type    string   `json:"type_"`
		Rate    *float64 `json:"rate"`
		Streams *int     `json:"streams"`
	} `json:"strategy"`
	Backend struct {
		Target string `json:"target"`
		Model  string `json:"model"`
		Format string `json:"request_format"`
	} `json:"backend"`
}

// A guideMetric is the distribution of a metric.
type guideMetric struct {
	Successful struct {
		Mean, Median *float64
		Percentiles  map[string]*float64
	} `json:"successful"`
}

// guideTimings are the instants of a request. The second name of one is that of older versions.
type guideTimings struct {
	Targeted     *float64 `json:"targeted_start"`
	ResolveStart *float64 `json:"resolve_start"`
	Start        *float64 `json:"request_start"`
	First        *float64 `json:"first_token_iteration"`
	FirstOld     *float64 `json:"first_iteration"`
	FirstAnswer  *float64 `json:"first_output_token_iteration"`
	Last         *float64 `json:"last_token_iteration"`
	LastOld      *float64 `json:"last_iteration"`
	Tokens       int      `json:"token_iterations"`
	End          *float64 `json:"request_end"`
	ResolveEnd   *float64 `json:"resolve_end"`
}

// A guideRequest is one request, as this and older versions have it.
type guideRequest struct {
	ID   string `json:"request_id"`
	Info struct {
		Conversation string       `json:"conversation_id"`
		Turn         int          `json:"turn_index"`
		Error        *string      `json:"error"`
		Timings      guideTimings `json:"timings"`
		OldTimings   guideTimings `json:"request_timings"`
	} `json:"info"`
	Scheduler struct {
		Timings guideTimings `json:"request_timings"`
		Error   *string      `json:"error"`
	} `json:"scheduler_info"`
	PromptTokens *float64 `json:"prompt_tokens"`
	OutputTokens *float64 `json:"output_tokens"`
	CachedTokens *float64 `json:"cached_tokens"`

	StartTime *float64 `json:"start_time"`
	FirstTime *float64 `json:"first_token_time"`
	LastTime  *float64 `json:"last_token_time"`
	EndTime   *float64 `json:"end_time"`
	Error     *string  `json:"error"`

	status guideStatus
}

// A guideStatus is how a request ended.
type guideStatus string

const (
	guideDone       guideStatus = "successful"
	guideErrored    guideStatus = "errored"
	guideIncomplete guideStatus = "incomplete"
)

// settle gathers the instants, whatever version wrote them.
func (r *guideRequest) settle() guideTimings {
	t := r.Info.Timings
	for _, other := range []guideTimings{r.Info.OldTimings, r.Scheduler.Timings, {Start: r.StartTime, First: r.FirstTime, Last: r.LastTime, End: r.EndTime}} {
		t.Targeted, t.ResolveStart, t.Start = either(t.Targeted, other.Targeted), either(t.ResolveStart, other.ResolveStart), either(t.Start, other.Start)
		t.First, t.FirstOld, t.FirstAnswer = either(t.First, other.First), either(t.FirstOld, other.FirstOld), either(t.FirstAnswer, other.FirstAnswer)
		t.Last, t.LastOld = either(t.Last, other.Last), either(t.LastOld, other.LastOld)
		t.End, t.ResolveEnd = either(t.End, other.End), either(t.ResolveEnd, other.ResolveEnd)
	}
	t.First, t.Last = either(t.First, t.FirstOld), either(t.Last, t.LastOld)
	t.Start, t.End = either(t.Start, t.ResolveStart), either(t.End, t.ResolveEnd)
	return t
}

func either(a, b *float64) *float64 {
	if a != nil {
		return a
	}
	return b
}

// said is what went wrong.
func (r *guideRequest) said() string {
	for _, e := range []*string{r.Info.Error, r.Scheduler.Error, r.Error} {
		if e != nil && *e != "" {
			return *e
		}
	}
	return ""
}

// scheduled are the strategies that say beforehand when requests are due.
func scheduled(strategy string) bool {
	return slices.Contains([]string{"constant", "poisson", "async", "replay", "trace"}, strategy)
}

// result turns a benchmark into a run.
func (b *guideBenchmark) result(number int) (*Result, error) {
	if len(b.requests) == 0 && b.start == nil {
		return nil, errors.New("it has no requests")
	}
	base, err := b.base()
	if err != nil {
		return nil, err
	}
	planned := scheduled(b.config.Strategy.Type) && b.plausible()
	sessions := map[string]int{}
	var all []harness.Record
	for i := range b.requests {
		r, err := b.requests[i].record(base, planned)
		if err != nil {
			return nil, fmt.Errorf("requests.%s: request %s: %w", b.requests[i].status, clean(b.requests[i].ID), err)
		}
		r.Session, r.Turn = place(sessions, b.requests[i].Info.Conversation), b.requests[i].Info.Turn
		all = append(all, r)
	}
	all = numbered(all)
	out := newResult(all, 0)
	out.Name, out.Version = fmt.Sprintf("GuideLLM %s", cleanOr(b.config.Strategy.Type, "benchmark")), b.version
	out.Model, out.URL, out.Chat, out.Load = clean(b.config.Backend.Model), redact.URL(b.config.Backend.Target), strings.Contains(b.config.Backend.Format, "chat"), b.load()
	out.Start = time.Unix(0, int64(base*1e9)).UTC()
	b.window(out, base, all)
	out.Unknown = []string{"GuideLLM writes when the first and the last token of an answer came, and not those between: the gaps between its chunks are not known"}
	if !planned {
		out.Unknown = append(out.Unknown, b.whyNotDue())
	}
	out.Figures = b.figures(all, out)
	return out, nil
}

func cleanOr(text, otherwise string) string {
	if text = clean(text); text != "" {
		return text
	}
	return otherwise
}

// whyNotDue says why requests have no time at which they were due.
func (b *guideBenchmark) whyNotDue() string {
	const so = ": latency counts from when it was sent, and how late the client was is not known"
	if scheduled(b.config.Strategy.Type) {
		return "the times at which GuideLLM targeted its requests lie outside of the run" + so
	}
	return "under this strategy of GuideLLM's no request is due before it is sent" + so
}

// numbered numbers records by when they were due, and keeps their sessions.
func numbered(all []harness.Record) []harness.Record {
	sessions := make(map[int]int, len(all)) // by what was due when
	slices.SortStableFunc(all, func(a, b harness.Record) int { return int(min(1, max(-1, a.Due-b.Due))) })
	for i := range all {
		n, is := sessions[all[i].Session]
		if !is {
			n = len(sessions)
			sessions[all[i].Session] = n
		}
		all[i].Seq, all[i].Session = i, n
	}
	return all
}

// base is when the run began: when its first request was due or sent.
func (b *guideBenchmark) base() (float64, error) {
	base := math.Inf(1)
	if b.start != nil {
		base = *b.start
	}
	planned := scheduled(b.config.Strategy.Type) && b.plausible()
	for i := range b.requests {
		t := b.requests[i].settle()
		if t.Start == nil {
			continue // it never began
		}
		base = min(base, *t.Start)
		if planned {
			base = min(base, *t.Targeted)
		}
	}
	if !(base > 0) || base > 1e11 {
		return 0, fmt.Errorf("start_time is %g; it must be a time in seconds since 1970", base)
	}
	return base, nil
}

// plausible reports whether the times at which requests were targeted lie in the run. They do not where
// GuideLLM's processes had begun before its clock was set.
func (b *guideBenchmark) plausible() bool {
	const early = 1 // s
	first := math.Inf(1)
	for i := range b.requests {
		if t := b.requests[i].settle(); t.Start != nil {
			first = min(first, *t.Start)
		}
	}
	for i := range b.requests {
		t := b.requests[i].settle()
		if t.Start != nil && (t.Targeted == nil || *t.Targeted < first-early || *t.Targeted > *t.Start) {
			return false
		}
	}
	return true
}

// record is a request of a run that began at an instant.
func (r *guideRequest) record(base float64, planned bool) (harness.Record, error) {
	t := r.settle()
	var err error
	at := func(field string, s *float64) time.Duration {
		if s == nil {
			return harness.NoTime
		}
		d, wrong := instant(*s, base)
		if wrong != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", field, wrong))
		}
		return d
	}
	sent := at("request_start", t.Start)
	one := harness.NewRecord(0, max(0, sent))
	one.Sent, one.Done, one.FirstAnswer, one.RequestID = sent, at("request_end", t.End), at("first_output_token_iteration", t.FirstAnswer), clean(r.ID)
	if one.DueUnknown = !planned; planned && t.Targeted != nil {
		one.Due = at("targeted_start", t.Targeted)
	}
	one.PromptTokens, one.OutputTokens, one.CachedTokens = tokens(r.PromptTokens), tokens(r.OutputTokens), tokens(r.CachedTokens)
	first, last := at("first_token_iteration", t.First), at("last_token_iteration", t.Last)
	switch {
	case first == harness.NoTime:
		one.Seen = harness.SeenNone
	case t.Tokens == 1 || last == harness.NoTime:
		one.Chunks = []time.Duration{first}
	default:
		one.Seen, one.Chunks = harness.SeenEnds, []time.Duration{first, max(first, last)}
	}
	switch r.status {
	case guideErrored:
		fail(&one, r.said())
	case guideIncomplete:
		one.Failure = harness.Interrupted
	default:
		if sent == harness.NoTime || one.Done == harness.NoTime {
			return one, errors.Join(err, errors.New("it is successful, and has no request_start or request_end"))
		}
		one.Good = true
	}
	return one, err
}

// instant is a time of a run that began at another, both in seconds since 1970.
func instant(s, base float64) (time.Duration, error) {
	d := s - base
	if !(d >= 0 && d <= longest.Seconds()) {
		return harness.NoTime, fmt.Errorf("%f lies outside of the run, which began at %f", s, base)
	}
	return seconds(d), nil
}

func tokens(n *float64) int {
	if n == nil || !(*n >= 0 && *n <= mostTokens) {
		return harness.Unreported
	}
	return int(*n)
}

// load is the load as GuideLLM calls it.
func (b *guideBenchmark) load() string {
	s := b.config.Strategy
	switch {
	case s.Rate != nil:
		return fmt.Sprintf("%g requests per second, %s", *s.Rate, clean(s.Type))
	case s.Streams != nil:
		return fmt.Sprintf("%d at once", *s.Streams)
	}
	return clean(s.Type)
}

// window is what GuideLLM measures: all, but for a warm-up and a cool-down.
func (b *guideBenchmark) window(out *Result, base float64, all []harness.Record) {
	out.To = out.Length + 1 // what ends with it is part of it
	if b.start == nil || b.duration == nil {
		return
	}
	from, err := instant(*b.start, base)
	if err != nil || !(*b.duration > 0) || *b.duration > longest.Seconds() {
		return
	}
	first := time.Duration(math.MaxInt64)
	for i := range all {
		if all[i].Sent != harness.NoTime {
			first = min(first, all[i].Sent)
		}
	}
	if from > first+time.Millisecond { // else the first request began it
		out.From = from
	}
	out.To = from + seconds(*b.duration) + 1
	out.Length = max(out.Length, out.To)
	for i := range all {
		all[i].Warmup = all[i].Due < out.From
	}
}

// figures are what GuideLLM states, and what its requests give when they are computed as it does: the smallest value at
// or below which the share lies, ITL and TPOT by the token.
func (b *guideBenchmark) figures(all []harness.Record, of *Result) []Figure {
	if of.From > 0 || b.duration == nil || b.metrics == nil {
		return nil // what of the edges belongs to it, is its own
	}
	t, over := tallyOf(slices.Values(all)), *b.duration
	var out []Figure
	add := func(name string, stated *float64, read float64) {
		if stated != nil && !math.IsNaN(*stated) {
			out = append(out, Figure{name, *stated, read})
		}
	}
	add("successful requests", b.totals.Successful, float64(t.ok))
	add("errored requests", b.totals.Errored, float64(t.failed))
	add("requests_per_second mean", b.metrics["requests_per_second"].Successful.Mean, float64(t.ok)/over)
	add("output_tokens_per_second mean", b.metrics["output_tokens_per_second"].Successful.Mean, t.output/over)
	for name, values := range map[string][]weighted{"request_latency": ones(t.e2e), "time_to_first_token_ms": ones(t.ttft), "inter_token_latency_ms": t.perToken, "time_per_output_token_ms": t.share} {
		unit := 1.0
		if strings.HasSuffix(name, "_ms") {
			unit = 1000
		}
		m := b.metrics[name].Successful
		add(name+" mean", m.Mean, weightedMean(values)*unit)
		add(name+" median", m.Median, least(values, .5)*unit)
		for p, q := range map[string]float64{"p90": .9, "p95": .95, "p99": .99} {
			add(name+" "+p, m.Percentiles[p], least(values, q)*unit)
		}
	}
	return sortedFigures(out)
}

// rawMetrics takes the distributions of a benchmark and how many requests ended how.
func (b *guideBenchmark) rawMetrics(raw map[string]json.RawMessage) {
	b.metrics = map[string]guideMetric{}
	for name, value := range raw {
		var m guideMetric
		if json.Unmarshal(value, &m) == nil {
			b.metrics[name] = m
		}
	}
	_ = json.Unmarshal(raw["request_totals"], &b.totals)
}
