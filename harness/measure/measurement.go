package measure

import (
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/ledger"
)

// A Measurement measures a run as it is read: see [harness.Run.Each]. Its window is
// complete once all was read; what the run itself says of it is there from the beginning.
type Measurement struct {
	Window *Window

	sampled  bool          // the samples are over
	from, to time.Duration // between which the client counted its requests in flight
}

// NewMeasurement measures a run that is about to be read.
func NewMeasurement(run *harness.Run) *Measurement {
	w := newWindow(run, newSampled(run))
	w.ledger = ledger.New()
	w.ledger.Ended(run)
	return &Measurement{Window: w}
}

// Sample takes a sample.
func (m *Measurement) Sample(s harness.Sample) {
	m.Window.Sampled.take(s)
	_ = m.Window.ledger.Sample(s) // always nil
}

// Record takes a record, once there are no more samples.
func (m *Measurement) Record(r *harness.Record) {
	w := m.Window
	if !m.sampled {
		m.from, m.to = w.Sampled.ends()
		m.sampled = true
	}
	w.seen++
	w.conversations += one(r.Turn == 0)
	if s, inside := within(r, m.from, m.to); inside {
		w.InFlightTime += s.end - s.begin
	}
	w.take(r)
	_ = w.ledger.Record(*r)
}

// Ledger has both sides of the run: what the client counted, and what the server did.
func (m *Measurement) Ledger() *ledger.Ledger { return m.Window.ledger }
