package slo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/quantity"
)

// The GPUs of the server, read by NVIDIA's library on the same machine, or from an
// exporter beside the server.

const noGPU = "no GPU could be read: this needs NVIDIA's driver on this machine, or its exporter beside the server"

func ofTheGPU() []Metric {
	of := func(name string, unit quantity.Unit, better Direction, g gauge, formula string) Metric {
		g.source, g.absent = "gpu", noGPU
		return Metric{Name: name, Unit: unit, Better: better, Formula: formula, gauge: &g}
	}
	return []Metric{
		of("GPU utilisation", quantity.Ratio, Neutral, gauge{series: "gpu_utilisation_ratio", over: averaged}, "share of time in which a GPU computed anything at all, on average over the GPUs"),
		of("GPU memory", quantity.Bytes, Neutral, gauge{series: "gpu_memory_used_bytes", over: greatest}, "memory in use of the GPU that used most"),
		of("GPU memory activity", quantity.Ratio, Neutral, gauge{series: "gpu_memory_activity_ratio", over: averaged}, "share of time in which a GPU's memory was read or written, on average over the GPUs"),
		of("GPU power", quantity.Watts, Neutral, gauge{series: "gpu_power_watts"}, "power that all GPUs drew together"),
		of("GPU temperature", quantity.Celsius, LowerIsBetter, gauge{series: "gpu_temperature_celsius", over: greatest}, "temperature of the hottest GPU"),
		of("GPU clock", quantity.Hertz, HigherIsBetter, gauge{series: "gpu_sm_clock_hertz", over: averaged}, "clock of the GPUs' processors, on average over them"),
		of("GPU memory clock", quantity.Hertz, HigherIsBetter, gauge{series: "gpu_memory_clock_hertz", over: averaged}, "clock of the GPUs' memory, on average over them"),
		of("GPU power cap", quantity.Ratio, LowerIsBetter, gauge{series: "gpu_power_capped_ratio", over: greatest}, "share of readings in which the power limit held back the clock of some GPU"),
		of("GPU throttling", quantity.Ratio, LowerIsBetter, gauge{series: "gpu_throttled_ratio", over: greatest}, "share of readings in which heat or the hardware held back the clock of some GPU"),
		of("PCIe received", quantity.BytesPerSecond, Neutral, gauge{series: "gpu_pcie_received_bytes", rate: true}, "what came to all GPUs over PCIe"),
		of("PCIe sent", quantity.BytesPerSecond, Neutral, gauge{series: "gpu_pcie_sent_bytes", rate: true}, "what all GPUs sent over PCIe"),
		of("NVLink received", quantity.BytesPerSecond, Neutral, gauge{series: "gpu_nvlink_received_bytes", rate: true}, "what came to all GPUs over NVLink"),
		of("NVLink sent", quantity.BytesPerSecond, Neutral, gauge{series: "gpu_nvlink_sent_bytes", rate: true}, "what all GPUs sent over NVLink"),
		{Name: "uncorrected memory errors", Unit: quantity.Count, Better: LowerIsBetter, Formula: "memory errors of all GPUs that their ECC could not correct", counter: "gpu_ecc_uncorrected_errors", source: "gpu"},
	}
}

// ofPods notes of a figure of the GPUs that they were given to several pods: which of
// them is the server's nothing tells.
func (w *watched) ofPods(source string) []string {
	if source != "gpu" || len(w.pods) < 2 {
		return nil
	}
	const few = 3
	names := slices.Sorted(maps.Keys(w.pods))
	shown := strings.Join(names[:min(few, len(names))], ", ")
	if len(names) > few {
		shown += ", …"
	}
	return []string{fmt.Sprintf("the GPUs belong to %d pods (%s), and this is of all of them: set DCGM_METRICS_URL to an exporter that shows the server's GPUs only", len(names), shown)}
}
