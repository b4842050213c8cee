package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestStallDetector_countsWhatWasLost(t *testing.T) {
	var p stallDetector
	p.note(time.Millisecond) // as late as timers are
	p.note(75 * time.Millisecond)
	p.note(30 * time.Millisecond)
	stalled, late := p.read()
	assert.Equal(t, 105*time.Millisecond, stalled)
	assert.Equal(t, 75*time.Millisecond, late)
	_, late = p.read()
	assert.Zero(t, late, "since the reading before")
}

func TestInFlight_isIntegrated(t *testing.T) {
	var v level
	v.add(1*time.Second, 1)
	v.add(3*time.Second, 1)
	v.add(2*time.Second, -1) // its clock was read before the other's
	n, area := v.read(5 * time.Second)
	assert.Equal(t, 1, n)
	assert.Equal(t, 4*time.Second, area)
}
