package slo

// The GPUs of the server, read by NVIDIA's library on the same machine, or from an
// exporter beside the server.

const noGPU = "no GPU could be read: this needs NVIDIA's driver on this machine, or its exporter beside the server"

func ofTheGPU() []Metric {
	of := func(name string, unit Unit, better Direction, g gauge, formula string) Metric {
		g.source, g.absent = "gpu", noGPU
		return Metric{Name: name, Unit: unit, Better: better, Formula: formula, gauge: &g}
	}
	return []Metric{
		of("GPU utilisation", Ratio, Neutral, gauge{series: "gpu_utilisation_ratio", over: averaged}, "share of time in which a GPU computed anything at all, on average over the GPUs"),
		of("GPU memory", Bytes, Neutral, gauge{series: "gpu_memory_used_bytes", over: greatest}, "memory in use of the GPU that used most"),
		of("GPU memory activity", Ratio, Neutral, gauge{series: "gpu_memory_activity_ratio", over: averaged}, "share of time in which a GPU's memory was read or written, on average over the GPUs"),
		of("GPU power", Watts, Neutral, gauge{series: "gpu_power_watts"}, "power that all GPUs drew together"),
		of("GPU temperature", Celsius, LowerIsBetter, gauge{series: "gpu_temperature_celsius", over: greatest}, "temperature of the hottest GPU"),
		of("GPU clock", Hertz, HigherIsBetter, gauge{series: "gpu_sm_clock_hertz", over: averaged}, "clock of the GPUs' processors, on average over them"),
		of("GPU memory clock", Hertz, HigherIsBetter, gauge{series: "gpu_memory_clock_hertz", over: averaged}, "clock of the GPUs' memory, on average over them"),
		of("GPU power cap", Ratio, LowerIsBetter, gauge{series: "gpu_power_capped_ratio", over: greatest}, "share of readings in which the power limit held back the clock of some GPU"),
		of("GPU throttling", Ratio, LowerIsBetter, gauge{series: "gpu_throttled_ratio", over: greatest}, "share of readings in which heat or the hardware held back the clock of some GPU"),
		of("PCIe received", BytesPerSecond, Neutral, gauge{series: "gpu_pcie_received_bytes", rate: true}, "what came to all GPUs over PCIe"),
		of("PCIe sent", BytesPerSecond, Neutral, gauge{series: "gpu_pcie_sent_bytes", rate: true}, "what all GPUs sent over PCIe"),
		of("NVLink received", BytesPerSecond, Neutral, gauge{series: "gpu_nvlink_received_bytes", rate: true}, "what came to all GPUs over NVLink"),
		of("NVLink sent", BytesPerSecond, Neutral, gauge{series: "gpu_nvlink_sent_bytes", rate: true}, "what all GPUs sent over NVLink"),
		{Name: "uncorrected memory errors", Unit: Count, Better: LowerIsBetter, Formula: "memory errors of all GPUs that their ECC could not correct", counter: "gpu_ecc_uncorrected_errors", source: "gpu"},
	}
}
