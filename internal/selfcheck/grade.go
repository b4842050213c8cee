//go:build unix

package selfcheck

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// A grade is how a check went.
type grade struct {
	Check         check     `json:"check"`
	Requests      int       `json:"requests"`
	Tokens        int       `json:"tokens"`
	Lag           spread    `json:"lag_us"`
	Stamp         spread    `json:"stamp_us"`
	ReadDelay     spread    `json:"read_delay_us"` // the longest of each answer
	TTFT          spread    `json:"ttft_error_us"`
	ITL           spread    `json:"itl_error_us"`
	Gap           spread    `json:"itl_us"` // as measured
	MeanTTFT      float64   `json:"mean_ttft_error_us"`
	Unsound       []string  `json:"unsound"` // why the audit of such a run gives no verdicts
	Coalesced     float64   `json:"coalesced_ratio"`
	CPUPerToken   float64   `json:"cpu_per_token_us"`
	CPUPerRequest float64   `json:"cpu_per_request_us"`
	PeakMiB       float64   `json:"peak_mib"`
	PerStreamKiB  float64   `json:"per_stream_kib"` // peak − before the load, of each stream
	Connected     int       `json:"connected"`      // requests that found no open connection
	Waiting       *waiting  `json:"waiting,omitempty"`
	Bare          *bare     `json:"bare,omitempty"`
	Core          float64   `json:"core_ratio"`       // of one core: what the load took
	Frames        int       `json:"frames,omitempty"` // of the live page, to the viewer who got fewest
	Watched       []watched `json:"watched,omitempty"`
}

// A spread is the median and the 99th percentile, in µs; -1 where unknown.
type spread struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func (s spread) String() string {
	if s.P50 < 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.0f/%.0f", s.P50, s.P99)
}

// spreadOf is that of durations in nanoseconds; of errors, their sizes count.
func spreadOf(ns []int64) spread {
	if len(ns) == 0 {
		return spread{-1, -1}
	}
	slices.SortFunc(ns, func(a, b int64) int { return cmp.Compare(max(a, -a), max(b, -b)) })
	at := func(q float64) float64 { return math.Abs(float64(ns[int(math.Ceil(q*float64(len(ns))))-1])) / 1e3 }
	return spread{at(.5), at(.99)}
}

// grade compares what was measured with what is known.
func (c check) grade(m measurement, known map[string]truth) (grade, error) {
	g := grade{Check: c, Requests: len(m.Requests), PeakMiB: float64(m.PeakBytes) / (1 << 20),
		PerStreamKiB: float64(m.PeakBytes-m.IdleBytes) / (1 << 10) / float64(max(1, c.inFlight()))}
	var lag, stamp, delays, ttft, itl, gaps []int64
	coalesced, sum := 0, int64(0)
	for _, r := range m.Requests {
		t, ok := known[r.ID]
		if !ok || len(t.Written) != len(r.Chunks) {
			return g, fmt.Errorf("the server knows nothing of request %s, or wrote %d tokens of it where %d came", r.ID, len(t.Written), len(r.Chunks))
		}
		lag = append(lag, r.Lag)
		g.Connected += map[bool]int{true: 1}[r.Connected]
		first := (r.Chunks[0] - r.Sent) - (t.Written[0] - t.reached())
		ttft, sum = append(ttft, first), sum+first
		for i, at := range r.Chunks {
			stamp = append(stamp, at-t.Written[i])
			if i > 0 {
				gaps = append(gaps, at-r.Chunks[i-1])
				itl = append(itl, (at-r.Chunks[i-1])-(t.Written[i]-t.Written[i-1]))
				if at == r.Chunks[i-1] {
					coalesced++
				}
			}
		}
		if r.ReadDelay >= 0 {
			delays = append(delays, r.ReadDelay)
		}
	}
	g.Tokens = len(stamp)
	g.Lag, g.Stamp, g.TTFT, g.ITL, g.ReadDelay = spreadOf(lag), spreadOf(stamp), spreadOf(ttft), spreadOf(itl), spreadOf(delays)
	g.Gap = spreadOf(gaps)
	g.Unsound, g.Frames = m.Unsound, m.Frames
	g.Core = float64(m.CPU) / float64(max(1, m.Took))
	g.MeanTTFT = float64(sum) / 1e3 / float64(max(1, g.Requests))
	g.Coalesced = float64(coalesced) / float64(max(1, g.Tokens))
	g.CPUPerToken = float64(m.CPU) / float64(time.Microsecond) / float64(max(1, g.Tokens))
	g.CPUPerRequest = float64(m.CPU) / float64(time.Microsecond) / float64(max(1, g.Requests))
	return g, nil
}
