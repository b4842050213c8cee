package api

import "time"

// timings are how long the phases of a request took, as vLLM tells with
// --enable-per-request-metrics (entrypoints/openai/engine/protocol.py). What it
// calls the time to the first token begins when the request is scheduled.
type timings struct {
	TimeToFirstToken float64  `json:"time_to_first_token_ms"`
	Generation       float64  `json:"generation_time_ms"`
	Queue            float64  `json:"queue_time_ms"`
	MeanGap          *float64 `json:"mean_itl_ms"`
	PerSecond        *float64 `json:"tokens_per_second"`
}

// timings of a request with one answer; nil where there are several, or they are
// not reported.
func (s *stream) timings() *timings {
	if !s.server.config.RequestMetrics || len(s.q.sequences) != 1 {
		return nil
	}
	seq := s.q.sequences[0]
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	at := seq.Truth()
	t := &timings{TimeToFirstToken: ms(at.First.Sub(at.Admitted)), Generation: ms(at.Last.Sub(at.First)), Queue: ms(at.Admitted.Sub(at.Queued))}
	if n := len(seq.Answer.IDs); n > 1 && t.Generation > 0 {
		gap, rate := t.Generation/float64(n-1), float64(n-1)/t.Generation*1e3
		t.MeanGap, t.PerSecond = &gap, &rate
	}
	return t
}
