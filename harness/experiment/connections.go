package experiment

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// connect opens connections before the load: as many as it will probably use at a time, and the server
// accepts. In virtual time they cost nothing.
func (t *trial) connect(ctx context.Context) {
	if t.on.Virtual || t.of.session.Protocol != nil {
		return
	}
	if err := t.on.client.Warm(ctx, probablyInFlight(t.scenario.Load, t.answerTakes())); err != nil {
		t.warn(fmt.Sprintf("fewer connections were opened beforehand than the load may need: %v; a request that finds none waits until one is made", err))
	}
}

// answerTakes estimates, before the load, how long an answer takes: the first token as long as
// in the preflight, the others at a usual speed.
func (t *trial) answerTakes() time.Duration {
	const (
		perToken = 15 * time.Millisecond
		unknown  = 2 * time.Second // of an answer without a bound
		longest  = 10 * time.Second
	)
	first, longestAnswer := min(t.on.about.Answered, unknown), 0
	for _, p := range t.on.firstPrompts(t.scenario) {
		if p.MaxTokens == 0 {
			return unknown
		}
		longestAnswer = max(longestAnswer, p.MaxTokens)
	}
	if longestAnswer == 0 {
		return unknown
	}
	return min(first+time.Duration(longestAnswer)*perToken, longest)
}

// probablyInFlight estimates how many requests a load has in flight, where answers take this long.
func probablyInFlight(load harness.Load, answer time.Duration) int {
	const most = 2000 // more are opened when they are needed
	n := float64(most)
	switch load := load.(type) {
	case harness.Closed:
		n = float64(load.Users)
	case harness.Open:
		n = math.Ceil(answer.Seconds()*load.Arrivals.Rate()) + 1
		if load.Requests > 0 {
			n = min(n, float64(load.Requests))
		}
		if load.InFlight > 0 {
			n = min(n, float64(load.InFlight))
		}
	}
	return int(min(n, most))
}
