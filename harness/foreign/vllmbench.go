package foreign

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// vllm bench serve writes one object: the settings, the figures, and with --save-detailed lists with one
// element for each request, in the order in which they were issued. With --append-result objects
// follow each other. Instants are those of a clock without a date, in seconds.
func vllmBenchFormat() format {
	return format{tool: VLLMBench, name: "vllm bench serve", looks: "a JSON object with endpoint_type, request_throughput and input_lens, as --save-result --save-detailed writes it",
		is: func(h *head) kind {
			switch {
			case !h.has("request_throughput", "duration", "completed") || !h.fields["endpoint_type"] && !h.fields["backend"]:
				return none
			case h.fields["input_lens"]:
				return detail
			}
			return summary
		},
		read: func(path, _ string) ([]*Result, error) { return readVLLMBench(path) }}
}

// vllmBenchRun is a result as its file has it. Fields of other versions are not looked at.
type vllmBenchRun struct {
	Date          string          `json:"date"`
	EndpointType  string          `json:"endpoint_type"`
	Backend       string          `json:"backend"`
	Model         string          `json:"model_id"`
	Rate          json.RawMessage `json:"request_rate"` // a number or "inf"
	Burstiness    json.RawMessage `json:"burstiness"`   // a number; null: not known; older versions have none, and a Poisson process
	Concurrency   *int            `json:"max_concurrency"`
	RampUp        string          `json:"ramp_up_strategy"`
	Duration      float64         `json:"duration"`
	InputLens     []int           `json:"input_lens"`
	OutputLens    []int           `json:"output_lens"`
	TTFTs         []*float64      `json:"ttfts"`
	ITLs          [][]*float64    `json:"itls"`
	StartTimes    []*float64      `json:"start_times"`
	Errors        []string        `json:"errors"`
	figuresStated                 // what else is a number
}

// figuresStated are the numbers of a file by their names.
type figuresStated map[string]float64

// UnmarshalJSON takes the fields and, of what else there is, the numbers.
func (r *vllmBenchRun) UnmarshalJSON(raw []byte) error {
	type fields vllmBenchRun
	var known fields
	if err := json.Unmarshal(raw, &known); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	*r = vllmBenchRun(known)
	r.figuresStated = figuresStated{}
	for name, value := range all {
		var number float64
		if json.Unmarshal(value, &number) == nil && string(value) != "null" {
			r.figuresStated[name] = number
		}
	}
	return nil
}

func readVLLMBench(path string) (all []*Result, err error) {
	r, done, err := text(path)
	if err != nil {
		return nil, err
	}
	defer done()
	d := json.NewDecoder(r)
	for number := 1; ; number++ {
		var run vllmBenchRun
		if err := d.Decode(&run); errors.Is(err, io.EOF) && number > 1 {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: result %d: %w", path, number, explainField(err))
		}
		result, err := run.result()
		if err != nil {
			return nil, fmt.Errorf("%s: result %d: %w", path, number, err)
		}
		all = append(all, result)
	}
}

// explainField names the field as well.
func explainField(err error) error {
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && kind.Field != "" {
		return fmt.Errorf("%s: %w", kind.Field, explain(err))
	}
	return explain(err)
}

// result checks a run.
func (r *vllmBenchRun) result() (*Result, error) {
	n := len(r.InputLens)
	if r.TTFTs == nil {
		return nil, errors.New("it has no ttfts: it asked for no text (embeddings, say), or was not saved with --save-detailed")
	}
	if r.StartTimes == nil && n > 0 {
		return nil, errors.New("it has no start_times: an older vllm bench wrote none, and when its requests were sent is not known; run a newer one")
	}
	for name, length := range map[string]int{"output_lens": len(r.OutputLens), "ttfts": len(r.TTFTs), "itls": len(r.ITLs), "start_times": len(r.StartTimes)} {
		if length != n {
			return nil, fmt.Errorf("%s has %d elements, and input_lens %d: one of each request is wanted", name, length, n)
		}
	}
	if r.Errors != nil && len(r.Errors) != n {
		return nil, fmt.Errorf("errors has %d elements, and input_lens %d: one of each request is wanted", len(r.Errors), n)
	}
	if !(r.Duration > 0) || r.Duration > longest.Seconds() {
		return nil, fmt.Errorf("duration is %g s; it must be above 0, and at most %v", r.Duration, longest)
	}
	records, err := r.requests()
	if err != nil {
		return nil, err
	}
	out := newResult(records, seconds(r.Duration))
	out.Name, out.Model, out.Load = "vllm bench serve", r.Model, r.load()
	out.Chat = strings.Contains(r.EndpointType+r.Backend, "chat")
	if start, err := time.ParseInLocation("20060102-150405", r.Date, time.Local); err == nil {
		out.Start = start.Add(-out.Length) // it is written at the end
	}
	out.Unknown = []string{"vllm bench serve does not write when a request was due: latency counts from when it was sent, and how late its client was is not known",
		"it does not say whether the server or its own tokenizer counted output tokens"}
	out.Figures = vllmBenchFigures(r.figuresStated, records, r.Duration)
	return out, nil
}

// load is the load as vllm bench calls it.
func (r *vllmBenchRun) load() string {
	if string(r.Rate) == "null" {
		return "" // as our export writes what it does not know
	}
	rate, burstiness := 0.0, 1.0
	load := "all requests at once"
	if json.Unmarshal(r.Rate, &rate) == nil && rate > 0 {
		load = fmt.Sprintf("%g requests per second", rate)
		switch {
		case r.RampUp != "":
			load = "a rate that rises (" + clean(r.RampUp) + ")"
		case string(r.Burstiness) == "null" || r.Burstiness != nil && json.Unmarshal(r.Burstiness, &burstiness) != nil: // not known
		case burstiness == 1:
			load += ", Poisson process"
		default:
			load += fmt.Sprintf(", burstiness %g", burstiness)
		}
	}
	if r.Concurrency != nil {
		load += fmt.Sprintf(", at most %d at once", *r.Concurrency)
	}
	return load
}

// requests are those of a run; one without a start is an error.
func (r *vllmBenchRun) requests() ([]harness.Record, error) {
	first := math.Inf(1)
	for i, at := range r.StartTimes {
		if at == nil || *at < 0 {
			return nil, fmt.Errorf("start_times.%d is no time", i)
		}
		first = min(first, *at)
	}
	all := make([]harness.Record, 0, len(r.StartTimes))
	for i := range r.StartTimes {
		one, err := r.request(i, first)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return inOrder(all), nil
}

func (r *vllmBenchRun) request(i int, first float64) (harness.Record, error) {
	sent, err := span(*r.StartTimes[i]-first, "start_times", i)
	one := harness.NewRecord(i, sent)
	one.Sent, one.DueUnknown, one.Model = sent, true, r.Model
	one.PromptTokens = counted(r.InputLens[i])
	if r.Errors != nil && r.Errors[i] != "" || r.TTFTs[i] == nil || *r.TTFTs[i] == 0 {
		said := ""
		if r.Errors != nil {
			said = r.Errors[i]
		}
		one.PromptTokens = harness.Unreported // what was to be sent
		fail(&one, said)
		return one, err
	}
	ttft, wrong := span(*r.TTFTs[i], "ttfts", i)
	err = errors.Join(err, wrong)
	one.OutputTokens = counted(r.OutputLens[i])
	at := *r.TTFTs[i]
	one.Chunks = append(make([]time.Duration, 0, 1+len(r.ITLs[i])), sent+ttft)
	for _, gap := range r.ITLs[i] {
		if gap == nil {
			return one, fmt.Errorf("itls.%d: a gap is no number", i)
		}
		at += *gap
		passed, wrong := span(at, "itls", i)
		if *gap < 0 {
			wrong = fmt.Errorf("itls.%d: a gap is %g s", i, *gap)
		}
		err = errors.Join(err, wrong)
		one.Chunks = append(one.Chunks, sent+passed)
	}
	one.Done = one.Chunks[len(one.Chunks)-1]
	one.Good = true
	return one, err
}

// vllmBenchFigures are what vllm bench states, and what its requests give when they are computed as it does:
// percentiles by linear interpolation, throughput by the time that the whole took.
func vllmBenchFigures(stated figuresStated, all []harness.Record, duration float64) []Figure {
	t := tallyOf(slices.Values(all))
	var out []Figure
	add := func(name string, value float64) {
		if was, is := stated[name]; is {
			out = append(out, Figure{name, was, value})
		}
	}
	add("completed", float64(t.ok))
	add("failed", float64(t.failed))
	add("request_throughput", float64(t.ok)/duration)
	add("total_input_tokens", t.prompt)
	add("total_output_tokens", t.output)
	add("output_throughput", t.output/duration)
	add("total_token_throughput", (t.prompt+t.output)/duration)
	for name, values := range map[string][]float64{"ttft": t.ttft, "tpot": t.tpot, "itl": t.gaps, "e2el": t.e2e} {
		sorted := slices.Sorted(slices.Values(values))
		for statistic, value := range map[string]float64{"mean": mean(values), "median": linear(sorted, .5), "p50": linear(sorted, .5), "p90": linear(sorted, .9), "p95": linear(sorted, .95), "p99": linear(sorted, .99)} {
			add(statistic+"_"+name+"_ms", value*1000)
		}
	}
	return sortedFigures(out)
}
