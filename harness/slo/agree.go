package slo

import (
	"math"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// Accounts are two accounts of one run: what the client counted, and by how much
// the server's own counters rose from just before the load until after the last
// answer. They are a sink, so that no run has to be gone through again.
type Accounts struct {
	client clientAccount
	server map[string]*rising // by series, and of some the value of a label
	gaps   scrapes
}

// clientAccount is what the client counted, warm-up included.
type clientAccount struct {
	asked, answered, lost, left int // lost began and did not end well; left were given up by their users
	refusals                    int // HTTP errors
	byFinish                    map[string]int
	told                        int // answers whose tokens the server told
	prompt, output              int // their tokens
	first, last                 sum // s, of all that had a first token, and of all answers, since they were sent
	ended                       time.Duration
}

// A sum is of so many values.
type sum struct {
	n int
	v float64
}

func (s *sum) add(v time.Duration) { s.n, s.v = s.n+1, s.v+v.Seconds() }

func (s sum) mean() float64 { return s.v / float64(s.n) }

// A rising is by how much a counter rose, over all its label sets.
type rising struct {
	last   map[string]float64
	rise   float64
	resets int
}

// scrapes are when the server was read.
type scrapes struct{ first, last time.Duration }

// NewAccounts are the accounts of a run that is about to begin.
func NewAccounts() *Accounts {
	return &Accounts{server: map[string]*rising{}, client: clientAccount{byFinish: map[string]int{}}, gaps: scrapes{harness.Never, harness.Never}}
}

// AccountsOf goes through a run that has ended.
func AccountsOf(run *harness.Run) *Accounts {
	a := NewAccounts()
	for s := range run.Samples {
		_ = a.Sample(s) // always nil
	}
	for r := range run.Records {
		_ = a.Record(r)
	}
	return a
}

// Close does nothing.
func (a *Accounts) Close() error { return nil }

// Record takes a record.
func (a *Accounts) Record(r harness.Record) error {
	c := &a.client
	if r.Sent == harness.Never {
		return nil
	}
	c.asked++
	c.ended = max(c.ended, r.Done)
	if len(r.Chunks) > 0 {
		c.first.add(r.Chunks[0] - r.Sent)
	}
	switch {
	case r.OK():
		c.answered++
		c.byFinish[finishOf(r.Finish)]++
		c.last.add(r.Done - r.Sent)
		if r.PromptTokens != harness.Untold && r.OutputTokens != harness.Untold {
			c.told++
			c.prompt += r.PromptTokens
			c.output += r.OutputTokens
		}
	case r.Failure == harness.GivenUp:
		c.left++
	case r.HTTPStatus >= 400:
		c.refusals++
	case r.Headers != harness.Never:
		c.lost++
	}
	return nil
}

// finishOf is the reason as the engine counts it, which knows nothing of tools.
func finishOf(reason string) string {
	if reason == "tool_calls" {
		return "stop"
	}
	return reason
}

// Series of the server's that its account rests on, and the label by which one is
// split. Those ending in _sum are of requests that have ended.
const (
	seriesFinished   = "vllm:request_success_total"
	seriesPrompts    = "vllm:request_prompt_tokens_sum"
	seriesOutputs    = "vllm:request_generation_tokens_sum"
	seriesFirstSum   = "vllm:time_to_first_token_seconds_sum"
	seriesFirstCount = "vllm:time_to_first_token_seconds_count"
	seriesLastSum    = "vllm:e2e_request_latency_seconds_sum"
	seriesLastCount  = "vllm:e2e_request_latency_seconds_count"
	seriesHTTP       = "http_requests_total"
)

// Sample takes a sample.
func (a *Accounts) Sample(s harness.Sample) error {
	if s.Source != "server" {
		return nil
	}
	if a.gaps.first == harness.Never {
		a.gaps.first = s.At
	}
	a.gaps.last = max(a.gaps.last, s.At)
	switch s.Series {
	case seriesFinished:
		a.rising(s.Series+" "+s.Labels["finished_reason"]).take(s, a.gaps.first)
	case seriesHTTP:
		a.rising(s.Series+" "+s.Labels["status"]).take(s, a.gaps.first)
	case seriesPrompts, seriesOutputs, seriesFirstSum, seriesFirstCount, seriesLastSum, seriesLastCount:
		a.rising(s.Series).take(s, a.gaps.first)
	}
	return nil
}

func (a *Accounts) rising(name string) *rising {
	if a.server[name] == nil {
		a.server[name] = &rising{last: map[string]float64{}}
	}
	return a.server[name]
}

// take takes a reading. A counter that falls was reset, and one that appears after
// the first reading was not there before: both have risen from zero.
func (r *rising) take(s harness.Sample, first time.Duration) {
	labels := labelled(s.Labels)
	before, seen := r.last[labels]
	r.last[labels] = s.Value
	switch {
	case !seen && s.At == first:
	case s.Value < before:
		r.resets++
		r.rise += s.Value
	default:
		r.rise += s.Value - before
	}
}

// rise is by how much a series rose; NaN where it was never read.
func (a *Accounts) rise(name string) float64 {
	if r := a.server[name]; r != nil {
		return r.rise
	}
	return math.NaN()
}

// finished are the answers that the server brought to an end, by its own account.
func (a *Accounts) finished() float64 {
	all := math.NaN()
	for _, reason := range []string{"stop", "length", "repetition"} {
		if v := a.rise(seriesFinished + " " + reason); !math.IsNaN(v) {
			all = v + zeroIfNaN(all)
		}
	}
	return all
}

// refusals are the requests that the server answered with an HTTP error.
func (a *Accounts) refusals() float64 {
	if math.IsNaN(a.rise(seriesHTTP+" 2xx")) && math.IsNaN(a.rise(seriesHTTP+" 4xx")) && math.IsNaN(a.rise(seriesHTTP+" 5xx")) {
		return math.NaN()
	}
	return zeroIfNaN(a.rise(seriesHTTP+" 4xx")) + zeroIfNaN(a.rise(seriesHTTP+" 5xx"))
}

func zeroIfNaN(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// resets is how often the server's counters began again.
func (a *Accounts) resets() (n int) {
	for _, r := range a.server {
		n = max(n, r.resets)
	}
	return n
}
