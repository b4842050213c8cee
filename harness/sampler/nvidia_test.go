//go:build linux && cgo

package sampler

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxa100"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
)

// A dgx is go-nvml's own mock of a DGX A100, with what its eight GPUs measure.
type dgx struct {
	*dgxa100.Server
	processes map[int][]uint32 // of each GPU
	joules    float64          // that each has taken, GPU 0 once, GPU 1 twice, …
}

func newDGX() *dgx {
	d := &dgx{Server: dgxa100.New(), processes: map[int][]uint32{}}
	for i := range d.Devices {
		g := d.gpu(i)
		g.MemoryInfo.Used = uint64(i+1) << 30
		g.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) {
			return nvml.Utilization{Gpu: uint32(10 * i), Memory: 5}, nvml.SUCCESS
		}
		g.GetPowerUsageFunc = told[uint32](400_000)
		g.GetEnforcedPowerLimitFunc = told[uint32](700_000)
		g.GetTotalEnergyConsumptionFunc = func() (uint64, nvml.Return) {
			return uint64(d.joules * 1000 * float64(i+1)), nvml.SUCCESS
		}
		g.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return uint32(40 + i), nvml.SUCCESS }
		clock := func(kind nvml.ClockType) (uint32, nvml.Return) {
			return map[nvml.ClockType]uint32{nvml.CLOCK_SM: 1980, nvml.CLOCK_MEM: 2619}[kind], nvml.SUCCESS
		}
		g.GetClockInfoFunc, g.GetMaxClockInfoFunc = clock, clock
		g.GetCurrentClocksEventReasonsFunc = told[uint64](nvml.ClocksEventReasonSwPowerCap)
		g.GetTotalEccErrorsFunc = func(kind nvml.MemoryErrorType, _ nvml.EccCounterType) (uint64, nvml.Return) {
			return uint64(kind), nvml.SUCCESS
		}
		g.GetEccModeFunc = func() (nvml.EnableState, nvml.EnableState, nvml.Return) {
			return nvml.FEATURE_ENABLED, nvml.FEATURE_ENABLED, nvml.SUCCESS
		}
		g.GetComputeRunningProcessesFunc = func() (out []nvml.ProcessInfo, ret nvml.Return) {
			for _, pid := range d.processes[i] {
				out = append(out, nvml.ProcessInfo{Pid: pid})
			}
			return out, nvml.SUCCESS
		}
		g.GetFieldValuesFunc = func(asked []nvml.FieldValue) nvml.Return {
			for n := range asked {
				asked[n].NvmlReturn = uint32(nvml.ERROR_NOT_SUPPORTED)
				if asked[n].FieldId == nvml.FI_DEV_PCIE_COUNT_RX_BYTES {
					asked[n] = nvml.FieldValue{ValueType: uint32(nvml.VALUE_TYPE_UNSIGNED_LONG_LONG), Value: [8]byte{0, 0, 1}}
				}
			}
			return nvml.SUCCESS
		}
	}
	return d
}

func told[T any](v T) func() (T, nvml.Return) {
	return func() (T, nvml.Return) { return v, nvml.SUCCESS }
}

func (d *dgx) gpu(i int) *dgxa100.Device { return d.Devices[i].(*dgxa100.Device) }

func (d *dgx) open(t *testing.T, server func() []int32) *NVIDIA {
	t.Helper()
	n, err := openNVIDIA(d, server)
	require.NoError(t, err)
	t.Cleanup(n.Close)
	return n
}

// each is one series by GPU.
func each(readings []harness.Reading, series string) map[string]float64 {
	out := map[string]float64{}
	for _, r := range readings {
		if r.Series == series {
			out[r.Labels["gpu"]] = r.Value
		}
	}
	return out
}

func TestNVIDIA_eightGPUsInFull(t *testing.T) {
	d := newDGX()
	d.joules = 12.5
	n := d.open(t, nil)
	readings, err := n.Read(t.Context())
	require.NoError(t, err)
	for series, want := range map[string]func(i int) float64{
		"gpu_utilisation_ratio": func(i int) float64 { return float64(i) / 10 }, "gpu_memory_activity_ratio": func(int) float64 { return .05 },
		"gpu_memory_used_bytes": func(i int) float64 { return float64(i+1) * (1 << 30) }, "gpu_memory_total_bytes": func(int) float64 { return 40 << 30 },
		"gpu_power_watts": func(int) float64 { return 400 }, "gpu_power_limit_watts": func(int) float64 { return 700 },
		"gpu_energy_joules": func(i int) float64 { return 12.5 * float64(i+1) }, "gpu_temperature_celsius": func(i int) float64 { return float64(40 + i) },
		"gpu_sm_clock_hertz": func(int) float64 { return 1980e6 }, "gpu_memory_clock_hertz": func(int) float64 { return 2619e6 },
		"gpu_power_capped_ratio": func(int) float64 { return 1 }, "gpu_throttled_ratio": func(int) float64 { return 0 },
		"gpu_ecc_corrected_errors": func(int) float64 { return 0 }, "gpu_ecc_uncorrected_errors": func(int) float64 { return 1 },
		"gpu_processes": func(int) float64 { return 0 }, "gpu_pcie_received_bytes": func(int) float64 { return 1 << 16 },
	} {
		of := each(readings, series)
		assert.Len(t, of, 8, series)
		for i := range 8 {
			assert.InDelta(t, want(i), of[fmt.Sprint(i)], 1e-9, series)
		}
	}
	assert.Empty(t, each(readings, "gpu_nvlink_sent_bytes"), "this driver does not tell it")
	require.Len(t, n.GPUs(), 8)
	about := n.GPUs()[7]
	assert.Equal(t, GPU{Index: "7", Model: about.Model, UUID: d.gpu(7).UUID, Driver: "550.54.15", MemoryBytes: 40 << 30, PowerLimit: 700, SMClock: 1980e6, MemoryClock: 2619e6, ECC: "on"}, about)
	assert.Contains(t, about.Model, "A100")
}

func TestNVIDIA_onlyTheServersGPUs(t *testing.T) {
	d := newDGX()
	d.processes = map[int][]uint32{2: {101}, 3: {102, 999}, 5: {998}}
	n := d.open(t, func() []int32 { return []int32{100, 101, 102} })
	readings, err := n.Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"2": 1, "3": 2}, each(readings, "gpu_processes"))
	assert.Equal(t, map[string]float64{"2": 0, "3": 1}, each(readings, "gpu_other_processes"))
	assert.Equal(t, []string{"of this machine's 8 GPUs those are watched that the server uses: 2, 3"}, n.Remarks())

	all := newDGX().open(t, func() []int32 { return []int32{100} })
	assert.Equal(t, []string{"all 8 GPUs of this machine are watched: which of them the server uses is unknown"}, all.Remarks())
}

func TestNVIDIA_lostGPULeavesAGap(t *testing.T) {
	d := newDGX()
	n := d.open(t, nil)
	power := d.gpu(6).GetPowerUsageFunc
	d.gpu(6).GetPowerUsageFunc = func() (uint32, nvml.Return) { return 0, nvml.ERROR_GPU_IS_LOST }
	readings, err := n.Read(t.Context())
	assert.Empty(t, readings, "a sum over seven of eight would be too small")
	assert.ErrorContains(t, err, "GPU 6, power: the GPU is lost")
	d.gpu(6).GetPowerUsageFunc = power
	readings, err = n.Read(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, readings)
}

func TestNVIDIA_whatAGPUDoesNotReportIsLeftOut(t *testing.T) {
	d := newDGX()
	d.gpu(1).GetTotalEnergyConsumptionFunc = func() (uint64, nvml.Return) { return 0, nvml.ERROR_NOT_SUPPORTED }
	d.LookupSymbolFunc = func(symbol string) error {
		if symbol == "nvmlDeviceGetCurrentClocksEventReasons" {
			return errors.New("not found")
		}
		return nil
	}
	d.gpu(0).GetCurrentClocksEventReasonsFunc = nil // to call it would end the process
	n := d.open(t, nil)
	readings, err := n.Read(t.Context())
	require.NoError(t, err)
	assert.Empty(t, each(readings, "gpu_energy_joules"))
	assert.Empty(t, each(readings, "gpu_throttled_ratio"))
	assert.Len(t, each(readings, "gpu_power_watts"), 8)
	assert.Contains(t, fmt.Sprint(n.Remarks()), "GPU 1 does not tell its energy")
	assert.Contains(t, fmt.Sprint(n.Remarks()), "too old to tell the reasons to throttle")
}

func TestNVIDIA_splitGPUIsItsFullestInstance(t *testing.T) {
	d := newDGX()
	g := d.gpu(0)
	g.MigMode = nvml.DEVICE_MIG_ENABLE
	g.GetMaxMigDeviceCountFunc = func() (int, nvml.Return) { return 7, nvml.SUCCESS }
	g.GetMigDeviceHandleByIndexFunc = func(i int) (nvml.Device, nvml.Return) {
		if i > 2 {
			return nil, nvml.ERROR_NOT_FOUND
		}
		return &mock.Device{GetMemoryInfoFunc: told(nvml.Memory{Used: uint64(i+1) << 30, Total: 10 << 30})}, nvml.SUCCESS
	}
	g.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{}, nvml.ERROR_NOT_SUPPORTED }
	n := d.open(t, nil)
	readings, err := n.Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"0": 3}, each(readings, "gpu_mig_instances"))
	assert.InDelta(t, 3<<30, each(readings, "gpu_memory_used_bytes")["0"], 0)
	assert.True(t, n.GPUs()[0].MIG)
}

func TestNVIDIA_withoutADriverSaysSo(t *testing.T) {
	for ret, says := range map[nvml.Return]string{
		nvml.ERROR_LIBRARY_NOT_FOUND: "has no NVIDIA driver", nvml.ERROR_DRIVER_NOT_LOADED: "its driver is not loaded",
		nvml.ERROR_LIB_RM_VERSION_MISMATCH: "are of two versions", nvml.ERROR_NO_PERMISSION: "may not open /dev/nvidiactl", nvml.ERROR_UNKNOWN: "NVIDIA's driver says",
	} {
		_, err := openNVIDIA(&mock.Interface{InitFunc: func() nvml.Return { return ret }}, nil) // any further question would panic
		assert.ErrorContains(t, err, says)
	}
	none := dgxa100.New()
	none.DeviceGetCountFunc = told(0)
	_, err := openNVIDIA(none, nil)
	assert.ErrorContains(t, err, "finds none on this machine")
}

func TestNVIDIA_driverThatHangsDoesNotHoldUpTheRun(t *testing.T) {
	d := newDGX()
	n := d.open(t, nil)
	answer := make(chan struct{})
	d.gpu(0).GetPowerUsageFunc = func() (uint32, nvml.Return) { <-answer; return 1000, nvml.SUCCESS }
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := n.Read(ctx)
	require.ErrorContains(t, err, "deadline exceeded")
	_, err = n.Read(t.Context())
	require.ErrorContains(t, err, "NVIDIA's driver has not answered the reading before")
	close(answer)
	assert.Eventually(t, func() bool { _, err := n.Read(t.Context()); return err == nil }, 10*time.Second, time.Millisecond)
}
