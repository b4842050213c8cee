package chart

import (
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/vllm"
	"github.com/vllmspec/vllmspec/reports/sql"
)

// The groups of panels, in the order of the page.
const (
	groupLoad    = "Load"
	groupServer  = "Server"
	groupGPU     = "GPU"
	groupMachine = "Client machine"
)

// plans are the panels of what was sampled beside the load.
func plans() []plan {
	const metrics = "The server's metrics could not be read. Set VLLM_METRICS_URL to where they are."
	const host = "This machine could not be watched."
	const processes = "The server's processes are not on this machine, or were not found."
	client, server, machine := sql.Readings{Source: metric.Client}, sql.Readings{Source: metric.Server}, sql.Readings{Source: metric.Host}
	rises := func(s sql.Readings) sql.Readings { s.Rises = true; return s }
	fullest := sql.Readings{Source: metric.Server, Greatest: true}
	network := sql.Readings{Source: metric.Host, Rises: true, Factor: 1e-6}
	return []plan{
		{groupLoad, "Concurrency", "Requests in flight, and those that were due and had to wait to be sent.", "requests", client,
			[]sql.Line{{Name: "in flight", Series: harness.SeriesInFlight}, {Name: "due, not sent", Series: harness.SeriesBacklog}}, "The client's own gauges were not read."},
		{groupServer, "Queue", "Requests in the server's running batch and in its queue, by its own count.", "requests", server,
			[]sql.Line{{Name: "running", Series: vllm.NumRequestsRunning}, {Name: "waiting", Series: vllm.NumRequestsWaiting}}, metrics},
		{groupServer, "KV cache", "Share of the server's KV cache in use; of several engines, of the fullest.", "ratio", fullest,
			[]sql.Line{{Name: "in use", Series: vllm.KVCacheUsage}}, metrics},
		{groupServer, "Preemptions", "Requests that lost their place in the KV cache and were computed again, per second.", "per second", rises(server),
			[]sql.Line{{Name: "preemptions", Series: vllm.NumPreemptions}}, metrics},
		{groupServer, "Prefix cache", "Prompt tokens looked up and found in the server's prefix cache, per second.", "tokens per second", rises(server),
			[]sql.Line{{Name: "looked up", Series: vllm.PrefixCacheQueries}, {Name: "found", Series: vllm.PrefixCacheHits}}, metrics},
		{groupServer, "Tokens by its own count", "Prompt tokens that the server computed or found, and tokens it generated, per second.", "tokens per second", rises(server),
			[]sql.Line{{Name: "prompt", Series: vllm.PromptTokens}, {Name: "generated", Series: vllm.GenerationTokens}}, metrics},
		{groupServer, "Its processes", "Cores that the server's processes kept busy, where they run on this machine.", "cores", rises(machine),
			[]sql.Line{{Name: "used", Series: "server_cpu_seconds"}}, processes},
		ofGPUs("Utilisation", "Share of time in which each GPU computed anything at all.", "ratio", "gpu_utilisation_ratio"),
		ofGPUs("Memory", "Memory of each GPU in use.", "bytes", "gpu_memory_used_bytes"),
		ofGPUs("Power", "What each GPU drew.", "W", "gpu_power_watts"),
		ofGPUs("Clock", "Clock of each GPU's processors.", "Hz", "gpu_sm_clock_hertz"),
		ofGPUs("Temperature", "Of each GPU.", "°C", "gpu_temperature_celsius"),
		{groupMachine, "CPU", "Share of all cores that was busy on the machine that sent the requests, and share that its hypervisor gave to others.", "ratio", machine,
			[]sql.Line{{Name: "busy", Series: "cpu_utilisation_ratio"}, {Name: "stolen", Series: "cpu_steal_ratio"}}, host},
		{groupMachine, "The client's own CPU", "Cores that the load generator itself kept busy.", "cores", rises(client),
			[]sql.Line{{Name: "used", Series: "process_cpu_seconds"}}, host},
		{groupMachine, "Network", "What came and went over this machine's network cards.", "MB/s", network,
			[]sql.Line{{Name: "received", Series: "net_received_bytes"}, {Name: "sent", Series: "net_sent_bytes"}}, host},
	}
}

// ofGPUs is a panel with a line for each GPU.
func ofGPUs(name, says, unit, series string) plan {
	return plan{groupGPU, name, says, unit, sql.Readings{Source: metric.GPU, Each: true}, []sql.Line{{Name: "GPU", Series: series}},
		"No GPU could be read: that needs NVIDIA's driver on this machine, or its exporter beside the server."}
}

// Groups are those of the panels, in their order.
func Groups(panels []Panel) (out []string) {
	for _, p := range panels {
		if !slices.Contains(out, p.Group) {
			out = append(out, p.Group)
		}
	}
	return out
}

// An Absence is why some panels have nothing to draw.
type Absence struct {
	Panels []string
	Why    string
}

// Absences are those of a group, each given once.
func Absences(panels []Panel, group string) (out []Absence) {
	for _, p := range panels {
		if p.Group != group || p.Absent == "" {
			continue
		}
		i := slices.IndexFunc(out, func(a Absence) bool { return a.Why == p.Absent })
		if i < 0 {
			i, out = len(out), append(out, Absence{Why: p.Absent})
		}
		out[i].Panels = append(out[i].Panels, p.Name)
	}
	return out
}
