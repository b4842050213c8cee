package mock

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm"
)

// replay serves a trace offline and tells how it went.
func (o options) replay(config mockvllm.Config, out io.Writer) error {
	file, err := os.Open(o.files[0])
	if err != nil {
		return err
	}
	defer file.Close()
	var s summary
	log, began := config.Truth, time.Now()
	err = mockvllm.Replay(config, mockvllm.ReadTrace(file), func(t mockvllm.Truth) {
		s.add(t)
		if log != nil {
			log(t)
		}
	})
	if err != nil {
		return fmt.Errorf("%s: %w", o.files[0], err)
	}
	if s.requests == 0 {
		return fmt.Errorf("%s holds no request", o.files[0])
	}
	return s.print(out, time.Since(began))
}

// A summary is what is printed of a replay.
type summary struct {
	first, last                                   time.Time
	ttft, tpot, e2e                               []time.Duration
	requests, tokens, prompt, cached, preemptions int
}

func (s *summary) add(t mockvllm.Truth) {
	if s.first.IsZero() || t.Received.Before(s.first) {
		s.first = t.Received
	}
	if t.Ended.After(s.last) {
		s.last = t.Ended
	}
	s.requests++
	s.tokens += len(t.Tokens)
	s.prompt += t.PromptTokens
	s.cached += t.CachedTokens
	s.preemptions += t.Preemptions
	if n := len(t.Tokens); n > 0 {
		s.ttft = append(s.ttft, t.Tokens[0].Sub(t.Received))
		s.e2e = append(s.e2e, t.Tokens[n-1].Sub(t.Received))
		if n > 1 {
			s.tpot = append(s.tpot, t.Tokens[n-1].Sub(t.Tokens[0])/time.Duration(n-1))
		}
	}
}

func (s *summary) print(out io.Writer, took time.Duration) error {
	span := s.last.Sub(s.first)
	fmt.Fprintf(out, "%d requests in %v, replayed in %v\n", s.requests, span.Round(time.Millisecond), took.Round(time.Millisecond))
	fmt.Fprintf(out, "%.0f output tokens per second, %.1f %% of prompt tokens from the cache, %d preemptions\n\n",
		float64(s.tokens)/max(1e-9, span.Seconds()), 100*float64(s.cached)/float64(max(1, s.prompt)), s.preemptions)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tmean\tp50\tp95\tp99\tmax\t")
	for _, row := range []struct {
		name string
		of   []time.Duration
	}{{"TTFT", s.ttft}, {"TPOT", s.tpot}, {"E2E latency", s.e2e}} {
		if len(row.of) == 0 {
			continue
		}
		slices.SortFunc(row.of, cmp.Compare)
		sum := time.Duration(0)
		for _, d := range row.of {
			sum += d
		}
		at := func(q float64) string {
			return fmt.Sprintf("%.1f ms", row.of[int(math.Ceil(q*float64(len(row.of))))-1].Seconds()*1000)
		}
		fmt.Fprintf(table, "%s\t%.1f ms\t%s\t%s\t%s\t%s\t\n", row.name, sum.Seconds()*1000/float64(len(row.of)), at(.5), at(.95), at(.99), at(1))
	}
	return table.Flush()
}
