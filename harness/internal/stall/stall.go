// Package stall measures how much of the time a process could not run.
package stall

import (
	"context"
	"sync"
	"time"
)

// A Detector finds out how much of the time we could not run: for want of a core,
// held by a container's limit, stopped, collecting garbage. It sleeps again and
// again, and whatever it wakes up late by beyond what is usual was lost to
// everything else in this process too.
type Detector struct {
	mu            sync.Mutex
	stalled, late time.Duration
}

const (
	pulseEvery = 10 * time.Millisecond
	pulseUsual = 2 * time.Millisecond // runtime timers are up to a millisecond late
)

// Beat looks until the context ends.
func (p *Detector) Beat(ctx context.Context) {
	ticker := time.NewTimer(pulseEvery)
	defer ticker.Stop()
	for {
		due := time.Now().Add(pulseEvery)
		ticker.Reset(pulseEvery)
		select {
		case <-ticker.C:
			p.note(time.Since(due))
		case <-ctx.Done():
			return
		}
	}
}

func (p *Detector) note(late time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = max(p.late, late)
	if late > pulseUsual {
		p.stalled += late
	}
}

// Read is the time lost since the start, and the latest that it woke up since it
// was read before.
func (p *Detector) Read() (stalled, late time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	late, p.late = p.late, 0
	return p.stalled, late
}
