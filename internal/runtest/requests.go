package runtest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// A request is one of a [Case]: its instants count from when it was due.
type request struct {
	due           time.Duration
	sent, headers time.Duration
	first, gap    time.Duration
	tokens        int
	late          map[int]time.Duration // by how much a chunk and those after it come later, from 1
	change        []func(*harness.Record)
}

// someRequests reads "40 every 100ms": each is sent when it is due, and answered 50 ms
// later with four tokens 10 ms apart.
func (d *draft) someRequests(rest string) error {
	count, interval, _ := strings.Cut(rest, " ")
	n, err := number(count)
	if err != nil {
		return err
	}
	if d.every, err = after(interval, "every"); err != nil {
		return err
	}
	d.requests = make([]request, n)
	for i := range d.requests {
		d.requests[i] = request{due: time.Duration(i) * d.every, headers: harness.NoTime, first: 50 * time.Millisecond,
			gap: 10 * time.Millisecond, tokens: 4, late: map[int]time.Duration{}}
	}
	return nil
}

// change reads "10-19: first 1s, tokens 8": which requests are other than the rest, and
// in what.
func (d *draft) change(rest string) error {
	which, how, ok := strings.Cut(rest, ":")
	if !ok {
		return fmt.Errorf(`%q has no ":" after the numbers of the requests`, rest)
	}
	picked, err := d.pick(strings.TrimSpace(which))
	if err != nil {
		return err
	}
	for part := range strings.SplitSeq(how, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), " ")
		if key == "first" && strings.Contains(value, "..") {
			err = spread(picked, value)
		} else {
			err = each(picked, key, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pick reads "all", "7", "10-19", or "1-39/2": each second one from 1.
func (d *draft) pick(which string) (out []*request, err error) {
	which, step, _ := strings.Cut(which, "/")
	from, to, isRange := strings.Cut(which, "-")
	first, last, by := 0, len(d.requests)-1, 1
	if which != "all" {
		if first, err = number(from); err != nil {
			return nil, err
		}
		if last = first; isRange {
			if last, err = number(to); err != nil {
				return nil, err
			}
		}
	}
	if step != "" {
		if by, err = number(step); err != nil {
			return nil, err
		}
	}
	if last >= len(d.requests) || first > last || by < 1 {
		return nil, fmt.Errorf("there are no requests %s of %d", which, len(d.requests))
	}
	for i := first; i <= last; i += by {
		out = append(out, &d.requests[i])
	}
	return out, nil
}

// spread gives requests first tokens that lie evenly between two times, but scattered
// over the run as those of independent requests are.
func spread(requests []*request, value string) error {
	low, high, _ := strings.Cut(value, "..")
	from, err := time.ParseDuration(low)
	if err != nil {
		return err
	}
	to, err := time.ParseDuration(high)
	if err != nil {
		return err
	}
	steps := time.Duration(max(1, len(requests)-1))
	for i, at := range rand.New(rand.NewPCG(1, 1)).Perm(len(requests)) {
		requests[at].first = from + (to-from)*time.Duration(i)/steps
	}
	return nil
}

// each sets one property of requests.
func each(requests []*request, key, value string) error {
	for i, r := range requests {
		if err := r.set(key, value, i); err != nil {
			return fmt.Errorf("%s %s: %w", key, value, err)
		}
	}
	return nil
}

// set sets a property: one of those that make the record, or else one of the record.
func (r *request) set(key, value string, index int) (err error) {
	at := map[string]*time.Duration{"due": &r.due, "sent": &r.sent, "headers": &r.headers, "first": &r.first, "gap": &r.gap}
	switch to := at[key]; {
	case key == "sent" && value == "never":
		r.sent = harness.NoTime
	case to != nil:
		*to, err = time.ParseDuration(value)
	case key == "tokens":
		r.tokens, err = number(value)
	case key == "late": // "late 3 by 2s"
		chunk, by, _ := strings.Cut(value, " ")
		var n int
		if n, err = number(chunk); err == nil {
			r.late[n], err = after(by, "by")
		}
	default:
		var change func(*harness.Record)
		if change, err = property(key, value); err == nil {
			r.change = append(r.change, change)
		}
	}
	return err
}

// property reads a property of a record.
func property(key, value string) (func(*harness.Record), error) {
	d, durationErr := time.ParseDuration(value)
	n, numberErr := number(value)
	if value == "unreported" {
		n, numberErr = harness.Unreported, nil
	}
	durations := map[string]func(*harness.Record){
		"queue":      func(r *harness.Record) { r.ServerQueue = d },
		"prefill":    func(r *harness.Record) { r.ServerPrefill = d },
		"decode":     func(r *harness.Record) { r.ServerDecode = d },
		"done":       func(r *harness.Record) { r.Done = r.Due + d },
		"connecting": func(r *harness.Record) { r.Connecting = d },
		"read-delay": func(r *harness.Record) { r.ReadDelay = d },
	}
	counts := map[string]func(*harness.Record){
		"output":        func(r *harness.Record) { r.OutputTokens = n },
		"prompt":        func(r *harness.Record) { r.PromptTokens = n },
		"asked-prompt":  func(r *harness.Record) { r.RequestedPromptTokens = n },
		"asked-output":  func(r *harness.Record) { r.RequestedOutputTokens, r.Full = n, true },
		"user":          func(r *harness.Record) { r.User = n },
		"status":        func(r *harness.Record) { r.HTTPStatus = n },
		"chunks":        func(r *harness.Record) { r.Chunks = r.Chunks[:n] },
		"together":      func(r *harness.Record) { r.Chunks[n-1] = r.Chunks[n-2] },
		"answers-from":  func(r *harness.Record) { r.FirstAnswer = r.Chunks[n-1] },
		"each-chunk-of": func(r *harness.Record) { r.ChunkTokens = repeat(n, len(r.Chunks)); r.OutputTokens = n * len(r.Chunks) },
	}
	texts := map[string]func(*harness.Record){
		"class":  func(r *harness.Record) { r.Class = value },
		"engine": func(r *harness.Record) { r.Replica = value },
		"error":  func(r *harness.Record) { r.Error = value },
		"fails": func(r *harness.Record) {
			r.Failure, r.Finish, r.Good, r.OutputTokens = harness.Failure(value), "", false, harness.Unreported
		},
	}
	switch {
	case durations[key] != nil:
		return durations[key], durationErr
	case counts[key] != nil:
		return counts[key], numberErr
	case texts[key] != nil:
		return texts[key], nil
	}
	return nil, fmt.Errorf("requests have no %q", key)
}

func repeat(n, times int) (out []int) {
	for range times {
		out = append(out, n)
	}
	return out
}

// record is what the request taught; those that were due before the window are warm-up.
func (q *request) record(seq int, from time.Duration) harness.Record {
	r := harness.NewRecord(seq, q.due)
	if q.sent != harness.NoTime {
		r.Sent, r.Headers = q.due+q.sent, q.due+max(q.sent, q.headers)
	}
	at := q.due + q.first
	for i := range q.tokens {
		at += q.late[i+1]
		r.Chunks = append(r.Chunks, at)
		at += q.gap
	}
	if q.tokens > 0 {
		r.Done = r.Chunks[q.tokens-1]
	}
	r.Finish, r.OutputTokens, r.PromptTokens, r.Good, r.Warmup = "stop", q.tokens, 16, true, q.due < from
	for _, change := range q.change {
		change(&r)
	}
	return r
}

func number(s string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no number", s)
	}
	return n, nil
}

// after reads a duration that follows a word: "every 100ms".
func after(rest, word string) (time.Duration, error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(rest), word+" ")
	if !ok {
		return 0, fmt.Errorf("%q does not begin with %q", rest, word)
	}
	return time.ParseDuration(strings.TrimSpace(text))
}

// pair reads "server connection refused" as a key and its text.
func pair(into *map[string]string, rest string) error {
	key, text, ok := strings.Cut(rest, " ")
	if !ok {
		return fmt.Errorf("%q is one word only", rest)
	}
	if *into == nil {
		*into = map[string]string{}
	}
	(*into)[key] = text
	return nil
}
