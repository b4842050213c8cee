package foreign

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// About is what a file says of a run beside its requests.
type About struct {
	Model string
	Chat  bool
	Rate  float64 // requests per second; 0: not known, or not steady
	// Poisson says that requests arrive as a Poisson process; else how they are spaced is not written.
	Poisson bool
	Start   time.Time
}

// A vllmBenchFile is a result as vllm bench serve writes it.
type vllmBenchFile struct {
	Date                string      `json:"date"`
	EndpointType        string      `json:"endpoint_type"`
	Backend             string      `json:"backend"`
	Label               string      `json:"label"`
	Model               string      `json:"model_id"`
	Tokenizer           string      `json:"tokenizer_id"`
	Prompts             int         `json:"num_prompts"`
	Rate                any         `json:"request_rate"`
	Burstiness          *float64    `json:"burstiness"`
	Concurrency         *int        `json:"max_concurrency"`
	Duration            float64     `json:"duration"`
	Completed           int         `json:"completed"`
	Failed              int         `json:"failed"`
	TotalInput          int         `json:"total_input_tokens"`
	TotalOutput         int         `json:"total_output_tokens"`
	RequestThroughput   float64     `json:"request_throughput"`
	RequestGoodput      *float64    `json:"request_goodput"`
	OutputThroughput    float64     `json:"output_throughput"`
	TotalThroughput     float64     `json:"total_token_throughput"`
	InputLens           []int       `json:"input_lens"`
	OutputLens          []int       `json:"output_lens"`
	TTFTs               []float64   `json:"ttfts"`
	ITLs                [][]float64 `json:"itls"`
	StartTimes          []float64   `json:"start_times"`
	Texts               []string    `json:"generated_texts"`
	Errors              []string    `json:"errors"`
	vllmBenchStatistics `json:"-"`
}

// vllmBenchStatistics are the figures that have a name for each statistic.
type vllmBenchStatistics map[string]float64

// MarshalJSON writes the statistics behind the fields.
func (f vllmBenchFile) MarshalJSON() ([]byte, error) {
	type fields vllmBenchFile
	known, err := json.Marshal(fields(f))
	if err != nil || len(f.vllmBenchStatistics) == 0 {
		return known, err
	}
	more, err := json.Marshal(map[string]float64(f.vllmBenchStatistics))
	return append(append(known[:len(known)-1], ','), more[1:]...), err
}

// WriteVLLMBench writes the requests of a run that are no warm-up as vllm bench serve --save-result --save-detailed
// does, with its figures, computed as it computes them: latency counts from when a request was sent. Texts are
// not kept with a run, and so they are empty.
func WriteVLLMBench(w io.Writer, run *harness.Run, about About) error {
	f := vllmBenchFile{EndpointType: "openai", Model: about.Model, Tokenizer: about.Model, Label: run.Scenario.Name,
		InputLens: []int{}, OutputLens: []int{}, TTFTs: []float64{}, ITLs: [][]float64{}, StartTimes: []float64{}, Texts: []string{}, Errors: []string{}}
	if about.Chat {
		f.EndpointType = "openai-chat"
	}
	if f.Backend = f.EndpointType; about.Rate > 0 {
		f.Rate = about.Rate
	}
	if about.Poisson {
		f.Burstiness = new(1.0)
	}
	t, from, to := new(tally), time.Duration(-1), time.Duration(0)
	for r := range judged(run) {
		if err := f.take(&r); err != nil {
			return err
		}
		if n := len(r.Chunks); r.OK() && n > 0 {
			r.Done = r.Chunks[n-1] // there an answer ends for vllm bench
		}
		t.take(&r)
		if from < 0 || r.Sent < from {
			from = r.Sent
		}
		to = max(to, r.Done, r.Sent)
	}
	if f.Prompts == 0 {
		return errors.New("the run has no requests beside its warm-up that were sent")
	}
	f.Date = about.Start.Add(to).Local().Format("20060102-150405") // when it ended, without a zone, as vllm bench has it
	f.sum(t, max(to-from, 1).Seconds())
	e := json.NewEncoder(w)
	return e.Encode(f)
}

// judged are the requests of a run that are measured, of those that were sent.
func judged(run *harness.Run) iter.Seq[harness.Record] {
	return func(yield func(harness.Record) bool) {
		for r := range run.Records {
			if !r.Warmup && r.Due >= run.From && r.Due < run.To && r.Sent != harness.NoTime && !yield(r) {
				return
			}
		}
	}
}

func (f *vllmBenchFile) take(r *harness.Record) error {
	if r.OK() && r.Seen != harness.SeenEach {
		return errors.New("vllm bench's file has each gap between chunks, and those of this run are not known: " + string(VLLMBench) + " cannot be written; write csv")
	}
	f.Prompts++
	f.StartTimes = append(f.StartTimes, r.Sent.Seconds())
	f.InputLens = append(f.InputLens, max(0, r.PromptTokens))
	f.Texts = append(f.Texts, "")
	ttft, gaps, output, said := 0.0, []float64{}, 0, ""
	if r.OK() && len(r.Chunks) > 0 {
		ttft, output = (r.Chunks[0] - r.Sent).Seconds(), max(0, r.OutputTokens)
		for _, gap := range r.ITLs() {
			gaps = append(gaps, gap.Seconds())
		}
	} else if said = string(r.Failure); r.Error != "" {
		said += ": " + r.Error
	}
	if !r.OK() && said == "" || r.OK() && len(r.Chunks) == 0 {
		said = "no content"
	}
	f.TTFTs, f.ITLs, f.OutputLens, f.Errors = append(f.TTFTs, ttft), append(f.ITLs, gaps), append(f.OutputLens, output), append(f.Errors, said)
	return nil
}

// sum computes the figures as vllm bench does.
func (f *vllmBenchFile) sum(t *tally, duration float64) {
	f.Duration, f.Completed, f.Failed = duration, t.ok, f.Prompts-t.ok
	f.TotalInput, f.TotalOutput = int(t.prompt), int(t.output)
	f.RequestThroughput, f.OutputThroughput, f.TotalThroughput = float64(t.ok)/duration, t.output/duration, (t.prompt+t.output)/duration
	f.vllmBenchStatistics = vllmBenchStatistics{}
	for name, values := range map[string][]float64{"ttft": t.ttft, "tpot": t.tpot, "itl": t.gaps, "e2el": t.e2e} {
		sorted := slices.Sorted(slices.Values(values))
		for statistic, value := range map[string]float64{"mean": mean(values), "median": linear(sorted, .5), "p90": linear(sorted, .9), "p95": linear(sorted, .95), "p99": linear(sorted, .99)} {
			f.vllmBenchStatistics[statistic+"_"+name+"_ms"] = value * 1000
		}
	}
}

// columns are those of the table that WriteCSV writes, by the names that requests.parquet has for them.
func columns() []string {
	return []string{"scenario", "class", "seq", "session", "turn", "user", "due_ns", "sent_ns", "headers_ns", "first_token_ns", "done_ns", "ttft_ns", "tpot_ns", "e2e_ns", "lag_ns",
		"chunks", "prompt_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "finish", "failure", "http_status", "error", "request_id", "model", "warmup", "good"}
}

// WriteCSV writes one row for each request. What is not known is empty.
func WriteCSV(w io.Writer, run *harness.Run) error {
	out := csv.NewWriter(w)
	err := out.Write(columns())
	for r := range run.Records {
		if err != nil {
			return err
		}
		err = out.Write(cells(run.Scenario.Name, &r))
	}
	out.Flush()
	return errors.Join(err, out.Error())
}

func cells(scenario string, r *harness.Record) []string {
	at := func(d time.Duration) string {
		if d < 0 {
			return ""
		}
		return strconv.FormatInt(int64(d), 10)
	}
	n := func(count int) string {
		if count == harness.Unreported {
			return ""
		}
		return strconv.Itoa(count)
	}
	return []string{scenario, r.Class, n(r.Seq), n(r.Session), n(r.Turn), n(r.User), at(r.Due), at(r.Sent), at(r.Headers), at(r.FirstToken()), at(r.Done), at(r.TTFT()), at(r.TPOT()), at(r.E2E()), at(r.Lag()),
		n(r.ChunkCount()), n(r.PromptTokens), n(r.OutputTokens), n(r.CachedTokens), n(r.ReasoningTokens), r.Finish, string(r.Failure), n(r.HTTPStatus), r.Error, r.RequestID, r.Model, fmt.Sprint(r.Warmup), fmt.Sprint(r.Good)}
}
