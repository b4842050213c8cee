package harness

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// rehearsing is how many prompts are asked at a time.
const rehearsing = 8

// rehearsal is the most that one of them may take.
const rehearsal = 3 * time.Minute

// Rehearse asks prompts of which nothing is recorded, so that the server has seen
// them when the load begins.
func Rehearse(ctx context.Context, client Client, prompts []Prompt) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	next := make(chan Prompt)
	var asking sync.WaitGroup
	for range min(rehearsing, len(prompts)) {
		asking.Go(func() {
			for prompt := range next {
				one, enough := context.WithTimeoutCause(ctx, rehearsal, errTimeout)
				for _, err := range client.Ask(one, prompt) {
					if err != nil {
						stop(err)
					}
				}
				enough()
			}
		})
	}
	for i, prompt := range prompts {
		select {
		case next <- prompt:
			continue
		case <-ctx.Done():
		}
		close(next)
		asking.Wait()
		return fmt.Errorf("what should be in the server's prefix cache could not be asked beforehand (%d of %d prompts): %w", i, len(prompts), context.Cause(ctx))
	}
	close(next)
	asking.Wait()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("what should be in the server's prefix cache could not be asked beforehand: %w", err)
	}
	return nil
}
