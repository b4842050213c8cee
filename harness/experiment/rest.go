package experiment

import (
	"context"
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// How long a run waits for the server to come to rest, and how much of that time is planned
// between two runs.
const (
	restless = time.Minute
	between  = 5 * time.Second
)

// readingMost is how long one reading between two runs may take.
const readingMost = time.Second

// rest waits until no request runs on the server or waits there, and then empties its prefix
// cache, unless the scenario is about what is in it. Where the cache cannot be emptied, the
// salt of each run keeps runs from finding what others asked, and the judge checks that.
func (on *endpoint) rest(ctx context.Context) (warnings []string) {
	metrics, done := on.serverMetrics(ctx, nil)
	defer done()
	switch busy, err := on.of.group.awaitIdle(ctx, on, metrics); {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		warnings = append(warnings, fmt.Sprintf("whether the server was at rest before this run is not known (%v)", err))
	case busy > 0:
		warnings = append(warnings, fmt.Sprintf("%g requests were still on the server after %v of waiting for it to come to rest: others use it, and this run was not the only load", busy, restless))
	}
	if s := on.of.scenario; s.Leftovers || s.Cache != nil && s.Cache.Share > 0 {
		return warnings
	}
	if on.of.session.Protocol == nil {
		_ = on.client.ResetCache(ctx)
	}
	return warnings
}

// awaitIdle waits until the server has nothing to do, and returns how many requests it
// had at last. A page that could be read before, and now cannot, is read again until
// then; one that never could be is not waited for.
func (of *group) awaitIdle(ctx context.Context, on *endpoint, metrics harness.Sampler) (busy float64, err error) {
	for until := time.Now().Add(restless); time.Now().Before(until) && ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		busy, err = onServerNow(ctx, metrics)
		if err == nil {
			of.readable[on] = true
		}
		if busy == 0 && err == nil || !of.readable[on] {
			break
		}
	}
	return busy, err
}

// onServerNow is how many requests run on the server or wait there.
func onServerNow(ctx context.Context, metrics harness.Sampler) (busy float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, readingMost)
	defer cancel()
	readings, err := metrics.Read(ctx)
	for _, r := range readings {
		if r.Source == "server" && r.NoValue() == "" && (r.Series == vllm.NumRequestsRunning || r.Series == vllm.NumRequestsWaiting) {
			busy += r.Value
		}
	}
	return busy, err
}
