package slo

import "github.com/vllmspec/vllmspec/harness/quantity"

// The machine that the client runs on, and the processes of client and server on it.

const noHost = "this machine could not be watched, or the run was in virtual time, in which a second takes no second of it"

func ofTheHost() []Metric {
	const (
		noServer = "the server's process could not be watched: that needs the server on this machine, as a process of this user"
		noBox    = "no container limits this process, or its limits are unknown"
	)
	of := func(name string, unit quantity.Unit, g gauge, formula string) Metric {
		if g.absent == "" {
			g.absent = noHost
		}
		return Metric{Name: name, Unit: unit, Better: LowerIsBetter, Formula: formula, gauge: &g}
	}
	return []Metric{
		of("host CPU", quantity.Ratio, gauge{source: "host", series: "cpu_utilisation_ratio"}, "share of all cores of the client's machine that was busy"),
		of("busiest core", quantity.Ratio, gauge{source: "host", series: "core_utilisation_ratio", over: greatest}, "share of time in which the busiest core of that machine was busy"),
		of("steal", quantity.Ratio, gauge{source: "host", series: "cpu_steal_ratio"}, "share of that machine's CPU that its hypervisor gave to others"),
		of("host memory", quantity.Bytes, gauge{source: "host", series: "memory_used_bytes"}, "memory of that machine in use"),
		of("host swap", quantity.Bytes, gauge{source: "host", series: "swap_used_bytes"}, "memory of that machine that was swapped out"),
		of("host load", quantity.Count, gauge{source: "host", series: "load1"}, "processes that ran or wanted to, on average over a minute"),
		of("context switches", quantity.PerSecond, gauge{source: "host", series: "context_switches", rate: true}, "changes from one task to another, on all cores of that machine"),
		of("network received", quantity.BytesPerSecond, gauge{source: "host", series: "net_received_bytes", rate: true}, "what came over that machine's network cards"),
		of("network sent", quantity.BytesPerSecond, gauge{source: "host", series: "net_sent_bytes", rate: true}, "what went over that machine's network cards"),
		of("disk read", quantity.BytesPerSecond, gauge{source: "host", series: "disk_read_bytes", rate: true}, "what was read from that machine's disks"),
		of("disk written", quantity.BytesPerSecond, gauge{source: "host", series: "disk_written_bytes", rate: true}, "what was written to that machine's disks"),
		of("server CPU", quantity.Cores, gauge{source: "host", series: "server_cpu_seconds", rate: true, absent: noServer}, "CPU that the server's processes used"),
		of("server memory", quantity.Bytes, gauge{source: "host", series: "server_rss_bytes", absent: noServer}, "resident memory of the server's processes together; what they share counts once for each"),
		of("client CPU", quantity.Cores, gauge{source: "client", series: "process_cpu_seconds", rate: true}, "CPU that the client's process used"),
		of("client memory", quantity.Bytes, gauge{source: "client", series: "process_rss_bytes"}, "resident memory of the client's process"),
		of("client throttling", quantity.Ratio, gauge{source: "client", series: "cpu_throttled_seconds", rate: true, absent: noBox}, "share of time in which its container's CPU limit held the client"),
		of("container memory", quantity.Bytes, gauge{source: "client", series: "container_memory_used_bytes", absent: noBox}, "memory that the client's container used, where that is limited"),
	}
}
