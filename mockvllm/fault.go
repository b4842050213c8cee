package mockvllm

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A Fault is something that the server does wrong on purpose. Which requests
// it hits is drawn from the seed and the request itself, not from the order in
// which requests come.
type Fault interface{ check() error }

// Freeze lets the engine stand still for a time, counted from the start of the load.
type Freeze struct{ For, After time.Duration }

// Refuse closes the connection of a share of requests without any answer.
type Refuse struct{ Share float64 }

// CutShort ends a share of streams in mid-answer, without finish reason and [DONE].
type CutShort struct{ Share float64 }

// ErrorInStream ends a share of streams in mid-answer with an error event.
type ErrorInStream struct{ Share float64 }

// Fail answers a share of requests with an HTTP error.
type Fail struct {
	Share  float64
	Status int
}

func (f Freeze) check() error {
	if f.For < 0 || f.After < 0 {
		return fmt.Errorf("a freeze of %v after %v: times cannot be negative", f.For, f.After)
	}
	return nil
}
func (f Refuse) check() error        { return checkShare(f.Share) }
func (f CutShort) check() error      { return checkShare(f.Share) }
func (f ErrorInStream) check() error { return checkShare(f.Share) }
func (f Fail) check() error {
	if f.Status < 400 || f.Status > 599 {
		return fmt.Errorf("status %d is no error; it lies between 400 and 599", f.Status)
	}
	return checkShare(f.Share)
}

func checkShare(s float64) error {
	if !(s >= 0 && s <= 1) {
		return fmt.Errorf("a share of %g is impossible; it lies between 0 and 1", s)
	}
	return nil
}

// fate draws which fault, if any, hits the request with this identity. The
// draws of successive faults are independent.
func fate(faults []Fault, seed, identity uint64) Fault {
	draw := rand.New(rand.NewPCG(seed, identity^0xfa17))
	for _, fault := range faults {
		var share float64
		switch f := fault.(type) {
		case Refuse:
			share = f.Share
		case CutShort:
			share = f.Share
		case ErrorInStream:
			share = f.Share
		case Fail:
			share = f.Share
		default:
			continue
		}
		if draw.Float64() < share {
			return fault
		}
	}
	return nil
}

// thaw is when the engine may go on that wants to begin a step at an instant,
// counted from the start of the load.
func thaw(faults []Fault, at time.Duration) time.Duration {
	for _, fault := range faults {
		if f, ok := fault.(Freeze); ok && at >= f.After && at < f.After+f.For {
			return f.After + f.For
		}
	}
	return at
}
