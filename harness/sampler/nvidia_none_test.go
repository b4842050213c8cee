//go:build !linux || !cgo

package sampler

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNVIDIA_buildThatReadsNoGPUSaysWhy(t *testing.T) {
	_, err := OpenNVIDIA(nil)
	assert.ErrorContains(t, err, "built without cgo")
}
