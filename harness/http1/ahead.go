package http1

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Connections opened ahead keep the making of one out of the first requests' latency.
// They take up places at the server: uvicorn's --limit-concurrency counts idle
// connections, a proxy with a bound lets further ones wait unheard, a server of one thread
// hears the first one only. So they are opened a few at a time, each step is probed with
// a request that costs nothing, and what is kept never exceeds what was let in.

const (
	connecting   = 32              // connections that are made at a time
	margin       = 2               // connections that a probe opens beyond those kept: others of ours come later, which read metrics
	probeTimeout = 3 * time.Second // for the answer to a probe; a connection that is let in is answered in milliseconds
)

// requestTimeout is the status with which a server closes an idle connection that says
// so (RFC 9110, section 15.5.9).
const requestTimeout = http.StatusRequestTimeout

// refusesMore reports whether a status may mean that there are too many of us.
func refusesMore(status int) bool {
	return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
}

// A LimitError is that of connections which the server does not let in.
type LimitError struct {
	Opened, Admitted int // connections at a time
	Err              error
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%v while %d connections of ours were open, and lets in %d", e.Err, e.Opened, e.Admitted)
}

// Unwrap is what the server did.
func (e *LimitError) Unwrap() error { return e.Err }

// Warm makes connections until so many are idle, a few at first and then twice as many,
// and from then on keeps a few idle ones more than are used, within those that the server
// let in. After each step it asks the probe, the head of a request without a body; where
// the server refuses it, or does not answer it, the connections of that step are closed
// again and the error is a [LimitError]. Without a probe all is believed to be let in.
func (p *Pool) Warm(ctx context.Context, n int, probe []byte) error {
	p.mu.Lock()
	if p.spare == nil {
		p.spare, p.end = context.WithCancel(context.Background())
	}
	if p.limited {
		n = min(n, p.admitted)
	}
	p.mu.Unlock()
	if probe == nil {
		p.admit(n + margin)
		return p.open(ctx, n)
	}
	for step := min(n, 2); step > 0; step = min(2*step, n) {
		if err := p.step(ctx, step, probe); err != nil || step == n {
			return err
		}
	}
	return nil
}

// step goes on to so many connections, and back again where they are not let in.
func (p *Pool) step(ctx context.Context, n int, probe []byte) error {
	p.mu.Lock()
	known := n <= p.admitted
	p.mu.Unlock()
	if known {
		return p.open(ctx, n)
	}
	err := p.open(ctx, n+margin)
	if err == nil {
		err = p.probe(ctx, probe)
	}
	p.mu.Lock()
	if err == nil {
		p.admitted = n
	}
	back := p.admitted
	p.limited = err != nil && ctx.Err() == nil
	p.mu.Unlock()
	p.shrink(back)
	if err == nil || ctx.Err() != nil {
		return cmp.Or(ctx.Err(), err)
	}
	if _, cannot := errors.AsType[*ConnectError](err); cannot {
		return err
	}
	p.settle(ctx, probe)
	return &LimitError{n + margin, back, err}
}

// settle waits until the server has noticed that connections are closed again.
func (p *Pool) settle(ctx context.Context, probe []byte) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause *= 2 {
		if sleep(ctx, pause); ctx.Err() != nil || p.probe(ctx, probe) == nil {
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// probe asks a request over the connection that was opened last, and is an error where
// the server does not let us in.
func (p *Pool) probe(ctx context.Context, head []byte) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	answer, err := p.ask(ctx, head, nil)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the server did not answer within %v", probeTimeout)
	case err != nil:
		return fmt.Errorf("the server broke one off (%w)", err)
	}
	defer answer.Close()
	if refusesMore(answer.Status) {
		return fmt.Errorf("the server answered with status %d", answer.Status)
	}
	for {
		if _, err := answer.Next(); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("the server broke one off (%w)", err)
		}
	}
}

// Limited reports whether the server was seen to let no more connections in.
func (p *Pool) Limited() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limited
}

// admit notes how many connections the server lets in.
func (p *Pool) admit(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.admitted = max(p.admitted, n)
}

// shrink closes idle connections until no more than so many are open, the oldest first.
func (p *Pool) shrink(n int) {
	p.mu.Lock()
	spare := min(max(0, p.busy+len(p.idle)-n), len(p.idle))
	old := slices.Clone(p.idle[:spare])
	p.idle = slices.Delete(p.idle, 0, spare)
	p.mu.Unlock()
	for _, c := range old {
		c.close()
	}
}

// withdraw closes what is idle, and lets no more connections be opened than requests
// need: the server says that there are too many of us.
func (p *Pool) withdraw() {
	p.mu.Lock()
	ahead := p.admitted > 0
	p.admitted, p.limited = 0, true
	p.mu.Unlock()
	if ahead {
		p.shrink(0)
	}
}

// open makes connections until so many are idle. It returns the first error.
func (p *Pool) open(ctx context.Context, n int) error {
	p.mu.Lock()
	missing := n - len(p.idle)
	p.mu.Unlock()
	var making sync.WaitGroup
	var once sync.Once
	var wrong error
	turns := make(chan struct{}, connecting)
	going, stop := context.WithCancel(ctx)
	defer stop()
	for range missing {
		turns <- struct{}{}
		if going.Err() != nil {
			break
		}
		making.Go(func() {
			defer func() { <-turns }()
			if err := p.add(going); err != nil {
				once.Do(func() { wrong = err; stop() })
			}
		})
	}
	making.Wait()
	return cmp.Or(ctx.Err(), wrong)
}

// add makes one idle connection.
func (p *Pool) add(ctx context.Context) error {
	c, _, err := p.connect(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep(c, keepFresh)
	return nil
}

// fill sees to it that some connections are spare, while others are used and the server
// lets them in. A server that refuses them will tell the request that needs one.
func (p *Pool) fill() {
	wanted := min(1+p.busy/16, connecting, p.admitted-p.busy)
	if p.spare == nil || p.filling || p.closed || p.busy == 0 || len(p.idle) >= wanted {
		return
	}
	p.filling = true
	go func() {
		err := p.add(p.spare)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.filling = false; err == nil {
			p.fill()
		}
	}()
}
