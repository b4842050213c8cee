package metric

import "github.com/vllmspec/vllmspec/harness/quantity"

// The machine that the client runs on, and the processes of client and server on it.
func ofTheHost() []Metric {
	const (
		noServer = "the server's process could not be watched: that needs the server on this machine, as a process of this user"
		noBox    = "no container limits this process, or its limits are unknown"
	)
	of := func(name string, unit quantity.Unit, g Gauge, formula string) Metric {
		g.Usually = Host
		return Metric{Name: name, Unit: unit, Better: LowerIsBetter, Formula: formula, Source: g}
	}
	return []Metric{
		of("host CPU", quantity.Ratio, Gauge{Feed: Host, Series: "cpu_utilisation_ratio"}, "share of all cores of the client's machine that was busy"),
		of("busiest core", quantity.Ratio, Gauge{Feed: Host, Series: "core_utilisation_ratio", Over: Greatest}, "share of time in which the busiest core of that machine was busy"),
		of("steal", quantity.Ratio, Gauge{Feed: Host, Series: "cpu_steal_ratio"}, "share of that machine's CPU that its hypervisor gave to others"),
		of("host memory", quantity.Bytes, Gauge{Feed: Host, Series: "memory_used_bytes"}, "memory of that machine in use"),
		of("host swap", quantity.Bytes, Gauge{Feed: Host, Series: "swap_used_bytes"}, "memory of that machine that was swapped out"),
		of("host load", quantity.Count, Gauge{Feed: Host, Series: "load1"}, "processes that ran or wanted to, on average over a minute"),
		of("context switches", quantity.PerSecond, Gauge{Feed: Host, Series: "context_switches", Rate: true}, "changes from one task to another, on all cores of that machine"),
		of("network received", quantity.BytesPerSecond, Gauge{Feed: Host, Series: "net_received_bytes", Rate: true}, "what came over that machine's network cards"),
		of("network sent", quantity.BytesPerSecond, Gauge{Feed: Host, Series: "net_sent_bytes", Rate: true}, "what went over that machine's network cards"),
		of("disk read", quantity.BytesPerSecond, Gauge{Feed: Host, Series: "disk_read_bytes", Rate: true}, "what was read from that machine's disks"),
		of("disk written", quantity.BytesPerSecond, Gauge{Feed: Host, Series: "disk_written_bytes", Rate: true}, "what was written to that machine's disks"),
		of("server CPU", quantity.Cores, Gauge{Feed: Host, Series: "server_cpu_seconds", Rate: true, Absent: noServer}, "CPU that the server's processes used"),
		of("server memory", quantity.Bytes, Gauge{Feed: Host, Series: "server_rss_bytes", Absent: noServer}, "resident memory of the server's processes together; what they share counts once for each"),
		of("client CPU", quantity.Cores, Gauge{Feed: Client, Series: "process_cpu_seconds", Rate: true}, "CPU that the client's process used"),
		of("client memory", quantity.Bytes, Gauge{Feed: Client, Series: "process_rss_bytes"}, "resident memory of the client's process"),
		of("client throttling", quantity.Ratio, Gauge{Feed: Client, Series: "cpu_throttled_seconds", Rate: true, Absent: noBox}, "share of time in which its container's CPU limit held the client"),
		of("container memory", quantity.Bytes, Gauge{Feed: Client, Series: "container_memory_used_bytes", Absent: noBox}, "memory that the client's container used, where that is limited"),
	}
}

// The GPUs of the server, read by NVIDIA's library on the same machine, or from an
// exporter beside the server.
func ofTheGPU() []Metric {
	of := func(name string, unit quantity.Unit, better Direction, g Gauge, formula string) Metric {
		g.Feed = GPU
		return Metric{Name: name, Unit: unit, Better: better, Formula: formula, Source: g}
	}
	return []Metric{
		of("GPU utilisation", quantity.Ratio, Neutral, Gauge{Series: "gpu_utilisation_ratio", Over: Average}, "share of time in which a GPU computed anything at all, on average over the GPUs"),
		of("GPU memory", quantity.Bytes, Neutral, Gauge{Series: "gpu_memory_used_bytes", Over: Greatest}, "memory in use of the GPU that used most"),
		of("GPU memory activity", quantity.Ratio, Neutral, Gauge{Series: "gpu_memory_activity_ratio", Over: Average}, "share of time in which a GPU's memory was read or written, on average over the GPUs"),
		of("GPU power", quantity.Watts, Neutral, Gauge{Series: "gpu_power_watts"}, "power that all GPUs drew together"),
		of("GPU temperature", quantity.Celsius, LowerIsBetter, Gauge{Series: "gpu_temperature_celsius", Over: Greatest}, "temperature of the hottest GPU"),
		of("GPU clock", quantity.Hertz, HigherIsBetter, Gauge{Series: "gpu_sm_clock_hertz", Over: Average}, "clock of the GPUs' processors, on average over them"),
		of("GPU memory clock", quantity.Hertz, HigherIsBetter, Gauge{Series: "gpu_memory_clock_hertz", Over: Average}, "clock of the GPUs' memory, on average over them"),
		of("GPU power cap", quantity.Ratio, LowerIsBetter, Gauge{Series: "gpu_power_capped_ratio", Over: Greatest}, "share of readings in which the power limit held back the clock of some GPU"),
		of("GPU throttling", quantity.Ratio, LowerIsBetter, Gauge{Series: "gpu_throttled_ratio", Over: Greatest}, "share of readings in which heat or the hardware held back the clock of some GPU"),
		of("PCIe received", quantity.BytesPerSecond, Neutral, Gauge{Series: "gpu_pcie_received_bytes", Rate: true}, "what came to all GPUs over PCIe"),
		of("PCIe sent", quantity.BytesPerSecond, Neutral, Gauge{Series: "gpu_pcie_sent_bytes", Rate: true}, "what all GPUs sent over PCIe"),
		of("NVLink received", quantity.BytesPerSecond, Neutral, Gauge{Series: "gpu_nvlink_received_bytes", Rate: true}, "what came to all GPUs over NVLink"),
		of("NVLink sent", quantity.BytesPerSecond, Neutral, Gauge{Series: "gpu_nvlink_sent_bytes", Rate: true}, "what all GPUs sent over NVLink"),
		{Name: "uncorrected memory errors", Unit: quantity.Count, Better: LowerIsBetter, Formula: "memory errors of all GPUs that their ECC could not correct", Source: Counter{GPU, "gpu_ecc_uncorrected_errors"}},
	}
}
