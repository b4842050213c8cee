package sampler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// A GPU is what of one does not change while a run goes on: what a baseline must
// share. What is not reported is "" or 0.
type GPU struct {
	Index       string  `json:"index"` // as nvidia-smi counts them
	Model       string  `json:"model,omitempty"`
	UUID        string  `json:"uuid,omitempty"`
	Driver      string  `json:"driver,omitempty"`
	MemoryBytes float64 `json:"memory_bytes,omitempty"`
	PowerLimit  float64 `json:"power_limit_watts,omitempty"`
	SMClock     float64 `json:"max_sm_clock_hertz,omitempty"`
	MemoryClock float64 `json:"max_memory_clock_hertz,omitempty"`
	ECC         string  `json:"ecc,omitempty"` // "on", "off"
	MIG         bool    `json:"mig,omitempty"` // split into instances, of which a server has some
	Instances   int     `json:"mig_instances,omitempty"`
}

// NameOf is the name of the GPUs, which runs must share to be compared: "8 × NVIDIA H100 80GB
// HBM3", with the number of MIG instances, where there are any.
func NameOf(gpus []GPU) string {
	count, instances := map[string]int{}, map[string]int{}
	for _, g := range gpus {
		if g.Model != "" {
			count[g.Model]++
			instances[g.Model] += g.Instances
		}
	}
	var parts []string
	for _, model := range slices.Sorted(maps.Keys(count)) {
		part := fmt.Sprintf("%d × %s", count[model], model)
		if n := instances[model]; n > 0 {
			part += fmt.Sprintf(" (%d MIG instances)", n)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// A value is one figure of one GPU.
type value struct {
	series string
	v      float64
}

func ofGPU(index string, values ...value) (out []harness.Reading) {
	labels := map[string]string{"gpu": index}
	for _, v := range values {
		out = append(out, harness.Reading{Source: "gpu", Series: v.series, Labels: labels, Value: v.v})
	}
	return out
}

// throttled are the reasons for which a GPU's clock is lower than it could be: the
// power limit, which is usual under load, and heat or the hardware, which is not.
// The bits are those of nvmlClocksEventReasons in NVIDIA's nvml.h, which DCGM hands on.
func throttled(reasons uint64) []value {
	const (
		powerCap   = 0x04
		hwSlowdown = 0x08
		swThermal  = 0x20
		hwThermal  = 0x40
		powerBrake = 0x80
	)
	flag := func(mask uint64) float64 {
		if reasons&mask != 0 {
			return 1
		}
		return 0
	}
	return []value{{"gpu_power_capped_ratio", flag(powerCap)}, {"gpu_throttled_ratio", flag(hwSlowdown | swThermal | hwThermal | powerBrake)}}
}

// A bounded source is given up when it does not answer in time: a driver can hang
// for good, and the run must end all the same.
type bounded struct {
	name string
	read func() ([]harness.Reading, error)
	busy chan struct{} // of one place: held while a reading is on its way
}

func newBounded(name string, read func() ([]harness.Reading, error)) bounded {
	return bounded{name, read, make(chan struct{}, 1)}
}

// Read reads once, or says that the source has not answered.
func (b bounded) Read(ctx context.Context) ([]harness.Reading, error) {
	select {
	case b.busy <- struct{}{}:
	default:
		return nil, errors.New(b.name + " has not answered the reading before")
	}
	type answer struct {
		readings []harness.Reading
		err      error
	}
	answers := make(chan answer, 1)
	go func() {
		readings, err := b.read()
		<-b.busy
		answers <- answer{readings, err}
	}()
	select {
	case a := <-answers:
		return a.readings, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// String is what is watched.
func (b bounded) String() string { return "gpu" }
