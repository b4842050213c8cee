package stall

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestDetector_countsWhatWasLost(t *testing.T) {
	var p Detector
	p.note(time.Millisecond) // as late as timers are
	p.note(75 * time.Millisecond)
	p.note(30 * time.Millisecond)
	stalled, late := p.Read()
	assert.Equal(t, 105*time.Millisecond, stalled)
	assert.Equal(t, 75*time.Millisecond, late)
	_, late = p.Read()
	assert.Zero(t, late, "since the reading before")
}
