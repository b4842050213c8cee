package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestInFlight_isIntegrated(t *testing.T) {
	var v level
	v.add(1*time.Second, 1)
	v.add(3*time.Second, 1)
	v.add(2*time.Second, -1) // its clock was read before the other's
	n, area := v.read(5 * time.Second)
	assert.Equal(t, 1, n)
	assert.Equal(t, 4*time.Second, area)
}
