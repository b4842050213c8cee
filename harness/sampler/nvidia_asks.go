//go:build linux && cgo

package sampler

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// An ask is one question to NVML, and the figures that its answer holds.
type ask struct {
	name, symbol string // symbol: of the library's function
	optional     bool   // what many GPUs do not report, and is not missed
	of           func(card) ([]value, nvml.Return)
}

// asks are all questions. PCIe traffic is counted: the function that measures it
// takes 20 ms for each direction, which is more than all the rest.
func asks(serves func(pid uint32) bool) []ask {
	return []ask{
		{name: "utilisation", symbol: "nvmlDeviceGetUtilizationRates", of: func(c card) ([]value, nvml.Return) {
			u, ret := c.GetUtilizationRates() // per cent, of the driver's last period: 1/6 s to 1 s
			return []value{{"gpu_utilisation_ratio", float64(u.Gpu) / 100}, {"gpu_memory_activity_ratio", float64(u.Memory) / 100}}, ret
		}},
		{name: "memory", symbol: "nvmlDeviceGetMemoryInfo", of: card.memory},
		{name: "power", symbol: "nvmlDeviceGetPowerUsage", of: one("gpu_power_watts", 1e-3, func(c card) (uint32, nvml.Return) { return c.GetPowerUsage() })},
		{name: "power limit", symbol: "nvmlDeviceGetEnforcedPowerLimit", of: one("gpu_power_limit_watts", 1e-3, func(c card) (uint32, nvml.Return) { return c.GetEnforcedPowerLimit() })},
		{name: "energy", symbol: "nvmlDeviceGetTotalEnergyConsumption", of: func(c card) ([]value, nvml.Return) {
			mJ, ret := c.GetTotalEnergyConsumption() // since the driver was loaded
			return []value{{"gpu_energy_joules", float64(mJ) / 1e3}}, ret
		}},
		{name: "temperature", symbol: "nvmlDeviceGetTemperature", of: one("gpu_temperature_celsius", 1, func(c card) (uint32, nvml.Return) { return c.GetTemperature(nvml.TEMPERATURE_GPU) })},
		{name: "clock", symbol: "nvmlDeviceGetClockInfo", of: one("gpu_sm_clock_hertz", 1e6, func(c card) (uint32, nvml.Return) { return c.GetClockInfo(nvml.CLOCK_SM) })},
		{name: "memory clock", symbol: "nvmlDeviceGetClockInfo", of: one("gpu_memory_clock_hertz", 1e6, func(c card) (uint32, nvml.Return) { return c.GetClockInfo(nvml.CLOCK_MEM) })},
		{name: "reasons to throttle", symbol: "nvmlDeviceGetCurrentClocksEventReasons", of: func(c card) ([]value, nvml.Return) {
			reasons, ret := c.GetCurrentClocksEventReasons()
			return throttled(reasons), ret
		}},
		{name: "corrected memory errors", symbol: "nvmlDeviceGetTotalEccErrors", optional: true, of: ecc("gpu_ecc_corrected_errors", nvml.MEMORY_ERROR_TYPE_CORRECTED)},
		{name: "uncorrected memory errors", symbol: "nvmlDeviceGetTotalEccErrors", optional: true, of: ecc("gpu_ecc_uncorrected_errors", nvml.MEMORY_ERROR_TYPE_UNCORRECTED)},
		{name: "processes", symbol: "nvmlDeviceGetComputeRunningProcesses", of: func(c card) ([]value, nvml.Return) {
			processes, ret := c.GetComputeRunningProcesses()
			ours := 0
			for _, p := range processes {
				if serves(p.Pid) {
					ours++
				}
			}
			out := []value{{"gpu_processes", float64(len(processes))}}
			if ours > 0 { // else they cannot be distinguished from others
				out = append(out, value{"gpu_other_processes", float64(len(processes) - ours)})
			}
			return out, ret
		}},
		field("memory temperature", nvml.FI_DEV_MEMORY_TEMP, 0, "gpu_memory_temperature_celsius", 1),
		field("PCIe traffic", nvml.FI_DEV_PCIE_COUNT_TX_BYTES, 0, "gpu_pcie_sent_bytes", 1),
		field("PCIe traffic", nvml.FI_DEV_PCIE_COUNT_RX_BYTES, 0, "gpu_pcie_received_bytes", 1),
		field("NVLink traffic", nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_TX, allLinks, "gpu_nvlink_sent_bytes", 1024),
		field("NVLink traffic", nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_RX, allLinks, "gpu_nvlink_received_bytes", 1024),
	}
}

// allLinks asks for the sum over a GPU's NVLinks.
const allLinks = math.MaxUint32

func one(series string, unit float64, get func(card) (uint32, nvml.Return)) func(card) ([]value, nvml.Return) {
	return func(c card) ([]value, nvml.Return) {
		v, ret := get(c)
		return []value{{series, float64(v) * unit}}, ret
	}
}

func ecc(series string, kind nvml.MemoryErrorType) func(card) ([]value, nvml.Return) {
	return func(c card) ([]value, nvml.Return) {
		n, ret := c.GetTotalEccErrors(kind, nvml.VOLATILE_ECC) // since the driver was loaded
		return []value{{series, float64(n)}}, ret
	}
}

// field asks for one of NVML's numbered fields, which tell what has no function.
func field(name string, id, scope uint32, series string, unit float64) ask {
	return ask{name: name, symbol: "nvmlDeviceGetFieldValues", optional: true, of: func(c card) ([]value, nvml.Return) {
		asked := []nvml.FieldValue{{FieldId: id, ScopeId: scope}}
		if ret := c.GetFieldValues(asked); ret != nvml.SUCCESS {
			return nil, ret
		}
		if ret := nvml.Return(asked[0].NvmlReturn); ret != nvml.SUCCESS {
			return nil, ret
		}
		v, ok := decoded(asked[0])
		if !ok {
			return nil, nvml.ERROR_NOT_SUPPORTED
		}
		return []value{{series, v * unit}}, nvml.SUCCESS
	}}
}

// decoded is the number in a field: one of C's types in eight bytes.
func decoded(f nvml.FieldValue) (float64, bool) {
	bits := binary.NativeEndian.Uint64(f.Value[:])
	switch nvml.ValueType(f.ValueType) {
	case nvml.VALUE_TYPE_DOUBLE:
		return math.Float64frombits(bits), true
	case nvml.VALUE_TYPE_UNSIGNED_INT:
		return float64(binary.NativeEndian.Uint32(f.Value[:])), true
	case nvml.VALUE_TYPE_UNSIGNED_LONG, nvml.VALUE_TYPE_UNSIGNED_LONG_LONG:
		return float64(bits), true
	case nvml.VALUE_TYPE_SIGNED_LONG_LONG:
		return float64(int64(bits)), true
	case nvml.VALUE_TYPE_SIGNED_INT:
		return float64(int32(binary.NativeEndian.Uint32(f.Value[:]))), true
	case nvml.VALUE_TYPE_UNSIGNED_SHORT:
		return float64(binary.NativeEndian.Uint16(f.Value[:])), true
	}
	return 0, false
}

// memory is that of a GPU, or, where it is split, of its fullest instance: a server
// has one of them.
func (c card) memory() ([]value, nvml.Return) {
	if !c.mig {
		m, ret := c.GetMemoryInfo()
		return []value{{"gpu_memory_used_bytes", float64(m.Used)}, {"gpu_memory_total_bytes", float64(m.Total)}}, ret
	}
	instances, fullest, ret := c.instances()
	if ret != nvml.SUCCESS {
		return nil, ret
	}
	return []value{{"gpu_mig_instances", float64(instances)}, {"gpu_memory_used_bytes", float64(fullest.Used)}, {"gpu_memory_total_bytes", float64(fullest.Total)}}, nvml.SUCCESS
}

// instances is how many a GPU is split into, and the memory of the fullest.
func (c card) instances() (n int, fullest nvml.Memory, ret nvml.Return) {
	most, ret := c.GetMaxMigDeviceCount()
	if ret != nvml.SUCCESS {
		return 0, fullest, ret
	}
	for i := range most {
		instance, ret := c.GetMigDeviceHandleByIndex(i)
		if ret != nvml.SUCCESS {
			continue // there may be gaps in the numbers
		}
		m, ret := instance.GetMemoryInfo()
		if ret != nvml.SUCCESS {
			return 0, fullest, ret
		}
		n++
		if m.Used >= fullest.Used {
			fullest = m
		}
	}
	return n, fullest, nvml.SUCCESS
}

// about is what does not change; what is not reported is left out.
func (c card) about(driver string) GPU {
	g := GPU{Index: c.index, Driver: driver, MIG: c.mig}
	g.Model, _ = c.GetName()
	g.UUID, _ = c.GetUUID()
	if m, ret := c.GetMemoryInfo(); ret == nvml.SUCCESS {
		g.MemoryBytes = float64(m.Total)
	}
	if mW, ret := c.GetEnforcedPowerLimit(); ret == nvml.SUCCESS {
		g.PowerLimit = float64(mW) / 1e3
	}
	if MHz, ret := c.GetMaxClockInfo(nvml.CLOCK_SM); ret == nvml.SUCCESS {
		g.SMClock = float64(MHz) * 1e6
	}
	if MHz, ret := c.GetMaxClockInfo(nvml.CLOCK_MEM); ret == nvml.SUCCESS {
		g.MemoryClock = float64(MHz) * 1e6
	}
	if on, _, ret := c.GetEccMode(); ret == nvml.SUCCESS {
		g.ECC = map[nvml.EnableState]string{nvml.FEATURE_ENABLED: "on", nvml.FEATURE_DISABLED: "off"}[on]
	}
	if g.Model = strings.TrimSpace(g.Model); c.mig {
		g.Instances, _, _ = c.instances()
	}
	return g
}
