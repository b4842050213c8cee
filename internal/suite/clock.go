package suite

import (
	"sync"
	"time"
)

// A wallClock tells the time of day inside a bubble too, where time.Now is the bubble's: its
// goroutine is outside of any.
type wallClock struct {
	asked, ended chan struct{}
	answers      chan time.Time
	once         sync.Once
}

func newWallClock() *wallClock {
	c := &wallClock{asked: make(chan struct{}), ended: make(chan struct{}), answers: make(chan time.Time)}
	go func() {
		for {
			select {
			case <-c.asked:
				c.answers <- time.Now()
			case <-c.ended:
				return
			}
		}
	}()
	return c
}

func (c *wallClock) now() time.Time {
	select {
	case c.asked <- struct{}{}:
		return <-c.answers
	case <-c.ended:
		return time.Now()
	}
}

func (c *wallClock) stop() { c.once.Do(func() { close(c.ended) }) }
