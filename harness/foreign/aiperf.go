package foreign

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// AIPerf writes profile_export.jsonl, one object for each request as it ended, with instants in
// nanoseconds since 1970, and profile_export_aiperf.json with the figures and the settings.
func aiperfFormat() format {
	return format{tool: AIPerf, name: "AIPerf", looks: "profile_export.jsonl, whose lines have metadata.request_start_ns and metrics; profile_export_aiperf.json may be named beside it",
		is: func(h *head) kind {
			switch {
			case h.has("metadata.request_start_ns", "metrics"):
				return detail
			case h.has("input_config") && (h.fields["request_latency"] || h.fields["records"] || h.fields["request_count"]):
				return summary
			}
			return none
		},
		read: readAIPerf}
}

// An aiperfLine is one request.
type aiperfLine struct {
	Metadata struct {
		Conversation string `json:"conversation_id"`
		Turn         int    `json:"turn_index"`
		Start        *int64 `json:"request_start_ns"`
		Ack          *int64 `json:"request_ack_ns"`
		End          *int64 `json:"request_end_ns"`
		Phase        string `json:"benchmark_phase"`
		Cancelled    bool   `json:"was_cancelled"`
		ID           string `json:"x_request_id"`
	} `json:"metadata"`
	Metrics map[string]aiperfValue `json:"metrics"`
	Error   *struct {
		Code    int    `json:"code"`
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"error"`
}

// An aiperfValue is a number, or a list of them, with its unit.
type aiperfValue struct {
	Value json.RawMessage `json:"value"`
	Unit  string          `json:"unit"`
}

// number is a value as it stands; false where it is none.
func (v aiperfValue) number() (n float64, ok bool) {
	return n, v.Value != nil && string(v.Value) != "null" && json.Unmarshal(v.Value, &n) == nil
}

// unit is how long one of its units is.
func (v aiperfValue) unit() (time.Duration, error) {
	switch v.Unit {
	case "ns":
		return time.Nanosecond, nil
	case "us":
		return time.Microsecond, nil
	case "ms", "":
		return time.Millisecond, nil
	case "s", "sec":
		return time.Second, nil
	}
	return 0, fmt.Errorf("the unit %q is not known", clean(v.Unit))
}

// times are the value, or its values, as times.
func (v aiperfValue) times() (out []time.Duration, err error) {
	unit, err := v.unit()
	if err != nil {
		return nil, err
	}
	var many []float64
	if n, ok := v.number(); ok {
		many = []float64{n}
	} else if err := json.Unmarshal(v.Value, &many); err != nil {
		return nil, explain(err)
	}
	for _, n := range many {
		d, err := span(n*unit.Seconds(), "value", len(out))
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// time is a metric that is one time; NoTime where it is not there.
func (l *aiperfLine) time(name string) (time.Duration, error) {
	v, is := l.Metrics[name]
	if !is || v.Value == nil || string(v.Value) == "null" {
		return harness.NoTime, nil
	}
	times, err := v.times()
	if err == nil && len(times) != 1 {
		err = errors.New("one value is wanted")
	}
	if err != nil {
		return harness.NoTime, fmt.Errorf("metrics.%s: %w", name, err)
	}
	return times[0], nil
}

// count is the first of these metrics that is there, as a number of tokens.
func (l *aiperfLine) count(names ...string) int {
	for _, name := range names {
		if n, ok := l.Metrics[name].number(); ok && n >= 0 && n <= mostTokens {
			return int(n)
		}
	}
	return harness.Unreported
}

// record is the request, whose run began at an instant.
func (l *aiperfLine) record(base int64) (harness.Record, error) {
	if l.Metadata.Start == nil {
		return harness.Record{}, errors.New("it has no metadata.request_start_ns")
	}
	sent, err := since(*l.Metadata.Start, base, "request_start_ns")
	r := harness.NewRecord(0, sent)
	r.Sent, r.DueUnknown, r.Turn, r.RequestID = sent, true, l.Metadata.Turn, clean(l.Metadata.ID)
	r.Warmup = strings.EqualFold(l.Metadata.Phase, "warmup")
	if err == nil && l.Metadata.Ack != nil {
		r.Headers, err = since(*l.Metadata.Ack, base, "request_ack_ns")
	}
	if err == nil && l.Metadata.End != nil {
		r.Done, err = since(*l.Metadata.End, base, "request_end_ns")
	}
	if err != nil {
		return r, err
	}
	r.PromptTokens, r.OutputTokens = l.count("usage_prompt_tokens", "input_sequence_length"), l.count("usage_completion_tokens", "output_sequence_length")
	r.ReasoningTokens, r.CachedTokens = l.count("usage_reasoning_tokens", "reasoning_token_count"), l.count("usage_prompt_cache_read_tokens")
	switch {
	case l.Metadata.Cancelled:
		r.Failure = harness.Canceled
	case l.Error != nil:
		fail(&r, strings.TrimSpace(l.Error.Type+": "+l.Error.Message))
		if l.Error.Code >= 400 && l.Error.Code < 600 {
			r.Failure, r.HTTPStatus = harness.HTTPFailure(l.Error.Code), l.Error.Code
		}
		r.OutputTokens = harness.Unreported
	default:
		err = l.answer(&r)
	}
	return r, err
}

// answer is what is known of a whole answer.
func (l *aiperfLine) answer(r *harness.Record) error {
	takes, err := l.time("request_latency")
	first, wrong := l.time("time_to_first_token")
	answer, wrong2 := l.time("time_to_first_output_token")
	if err = errors.Join(err, wrong, wrong2); err != nil {
		return err
	}
	if takes != harness.NoTime {
		r.Done = r.Sent + takes
	}
	if r.Done == harness.NoTime {
		return errors.New("it says neither how long the request took nor that it failed")
	}
	r.Good, r.Seen = true, harness.SeenNone
	if answer != harness.NoTime {
		r.FirstAnswer = r.Sent + answer
	}
	if first == harness.NoTime {
		return nil
	}
	r.Seen, r.Chunks = harness.SeenEach, []time.Duration{r.Sent + first}
	gaps, is := l.Metrics["inter_chunk_latency"]
	if !is && r.OutputTokens != 1 {
		r.Seen, r.Chunks = harness.SeenEnds, append(r.Chunks, max(r.Done, r.Chunks[0]))
		return nil
	}
	if !is {
		return nil
	}
	all, err := gaps.times()
	if err != nil {
		return fmt.Errorf("metrics.inter_chunk_latency: %w", err)
	}
	for _, gap := range all {
		r.Chunks = append(r.Chunks, r.Chunks[len(r.Chunks)-1]+gap)
	}
	return nil
}

// since is an instant of a run that began at another.
func since(at, base int64, field string) (time.Duration, error) {
	d := time.Duration(at - base)
	if d < 0 || d > longest {
		return 0, fmt.Errorf("%s is %d: it lies outside of the run, which began at %d", field, at, base)
	}
	return d, nil
}

func readAIPerf(path, with string) ([]*Result, error) {
	var s *aiperfSummary
	var err error
	if with != "" {
		if s, err = readAIPerfSummary(with); err != nil {
			return nil, err
		}
	}
	pass := aiperfPass{t: new(tally), sameCount: true}
	if err := pass.read(path); err != nil {
		return nil, err
	}
	base := int64(0)
	if len(pass.starts) > 0 {
		base = slices.Min(pass.starts)
	}
	out := &Result{Name: "AIPerf", Requests: len(pass.starts), Length: time.Duration(pass.end - base), Start: time.Unix(0, base).UTC()}
	if pass.measured > 0 {
		out.From = time.Duration(pass.measured - base)
	}
	out.To = out.Length + 1
	out.records = aiperfRecords(path, base, pass.starts)
	out.Unknown = []string{"AIPerf does not write when a request was due: latency counts from when it was sent, and how late its client was is not known"}
	if !pass.sameCount {
		out.Unknown = append(out.Unknown, "the server's count of tokens is not that of AIPerf's tokenizer: the server's is taken where it is in the file")
	}
	if s != nil {
		s.describe(out)
		out.Figures = aiperfFigures(s, &pass, out)
	}
	return []*Result{out}, nil
}

// An aiperfPass is what is learnt of a file before its requests can be numbered.
type aiperfPass struct {
	starts    []int64
	measured  int64 // when the first request was sent that is no warm-up; 0: none was
	end       int64
	t         *tally
	sameCount bool // by server and AIPerf
}

func (p *aiperfPass) read(path string) error {
	for l, err := range lines(path) {
		if err != nil {
			return err
		}
		var one aiperfLine
		if err := l.into(&one); err != nil {
			return err
		}
		if one.Metadata.Start == nil {
			return l.fails(errors.New("it has no metadata.request_start_ns"))
		}
		r, err := one.record(*one.Metadata.Start)
		if err != nil {
			return l.fails(err)
		}
		p.starts = append(p.starts, *one.Metadata.Start)
		p.end = max(p.end, *one.Metadata.Start+int64(max(0, r.Done)))
		if usage, own := one.count("usage_completion_tokens"), one.count("output_sequence_length"); usage >= 0 && own >= 0 && usage != own {
			p.sameCount = false
		}
		if !r.Warmup {
			p.t.take(&r)
			if p.measured == 0 || *one.Metadata.Start < p.measured {
				p.measured = *one.Metadata.Start
			}
		}
	}
	return nil
}

// aiperfRecords are the requests of a file, in its order.
func aiperfRecords(path string, base int64, all []int64) iter.Seq2[harness.Record, error] {
	return func(yield func(harness.Record, error) bool) {
		numbers, sessions := newStarts(slices.Clone(all)), map[string]int{}
		for l, err := range lines(path) {
			var one aiperfLine
			if err == nil {
				err = l.into(&one)
			}
			var r harness.Record
			if err == nil {
				if r, err = one.record(base); err != nil {
					err = l.fails(err)
				}
			}
			if err == nil {
				r.Seq = numbers.number(*one.Metadata.Start)
				r.Session = place(sessions, one.Metadata.Conversation)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// place is the number of a name, in the order in which names came. One without a name is by itself.
func place(of map[string]int, name string) int {
	if name == "" {
		name = fmt.Sprint("\x00", len(of))
	}
	n, is := of[name]
	if !is {
		n = len(of)
		of[name] = n
	}
	return n
}
