//go:build !linux || !cgo

package sampler

import (
	"context"
	"errors"

	"github.com/vllmspec/vllmspec/harness"
)

// NVIDIA reads no GPU in this build.
type NVIDIA struct{}

// OpenNVIDIA says why this build reads no GPU.
func OpenNVIDIA(func() []int32) (*NVIDIA, error) {
	return nil, errors.New("no GPU could be read: this was built without cgo, or not for Linux, and NVIDIA's library needs both; build with CGO_ENABLED=1, or set DCGM_METRICS_URL to the GPU's exporter")
}

// Read never comes: there is nothing to read.
func (*NVIDIA) Read(context.Context) ([]harness.Reading, error) {
	return nil, errors.New("no GPU could be read in this build")
}

// GPUs are none.
func (*NVIDIA) GPUs() []GPU { return nil }

// Close does nothing.
func (*NVIDIA) Close() {}
