package reports

import (
	"slices"

	"github.com/vllmspec/vllmspec/harness"
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
	client := func(name, series string) line { return line{name: name, source: "client", series: series} }
	server := func(name, series string) line { return line{name: name, source: "server", series: series} }
	rising := func(name, series string) line { return line{name: name, source: "server", series: series, rises: true} }
	machine := func(name, series string) line { return line{name: name, source: "host", series: series} }
	return []plan{
		{groupLoad, "Concurrency", "Requests in flight, and those that were due and had to wait to be sent.", "requests",
			[]line{client("in flight", harness.SeriesInFlight), client("due, not sent", harness.SeriesBacklog)}, "The client's own gauges were not read."},
		{groupServer, "Queue", "Requests in the server's running batch and in its queue, by its own count.", "requests",
			[]line{server("running", "vllm:num_requests_running"), server("waiting", "vllm:num_requests_waiting")}, metrics},
		{groupServer, "KV cache", "Share of the server's KV cache in use.", "ratio", []line{server("in use", "vllm:kv_cache_usage_perc")}, metrics},
		{groupServer, "Preemptions", "Requests that lost their place in the KV cache and were computed again, per second.", "per second",
			[]line{rising("preemptions", "vllm:num_preemptions_total")}, metrics},
		{groupServer, "Prefix cache", "Prompt tokens looked up and found in the server's prefix cache, per second.", "tokens per second",
			[]line{rising("looked up", "vllm:prefix_cache_queries_total"), rising("found", "vllm:prefix_cache_hits_total")}, metrics},
		{groupServer, "Tokens by its own count", "Prompt tokens that the server computed or found, and tokens it generated, per second.", "tokens per second",
			[]line{rising("prompt", "vllm:prompt_tokens_total"), rising("generated", "vllm:generation_tokens_total")}, metrics},
		{groupServer, "Its processes", "Cores that the server's processes kept busy, where they run on this machine.", "cores",
			[]line{{name: "used", source: "host", series: "server_cpu_seconds", rises: true}}, "The server's processes are not on this machine, or were not found."},
		{groupGPU, "Utilisation", "Share of time in which each GPU computed anything at all.", "ratio", gpus("gpu_utilisation_ratio"), noGPU},
		{groupGPU, "Memory", "Memory of each GPU in use.", "bytes", gpus("gpu_memory_used_bytes"), noGPU},
		{groupGPU, "Power", "What each GPU drew.", "W", gpus("gpu_power_watts"), noGPU},
		{groupGPU, "Clock", "Clock of each GPU's processors.", "Hz", gpus("gpu_sm_clock_hertz"), noGPU},
		{groupGPU, "Temperature", "Of each GPU.", "°C", gpus("gpu_temperature_celsius"), noGPU},
		{groupMachine, "CPU", "Share of all cores that was busy on the machine that sent the requests, and share that its hypervisor gave to others.", "ratio",
			[]line{machine("busy", "cpu_utilisation_ratio"), machine("stolen", "cpu_steal_ratio")}, host},
		{groupMachine, "The client's own CPU", "Cores that the load generator itself kept busy.", "cores",
			[]line{{name: "used", source: "client", series: "process_cpu_seconds", rises: true}}, host},
		{groupMachine, "Network", "What came and went over this machine's network cards.", "MB/s",
			[]line{{name: "received", source: "host", series: "net_received_bytes", rises: true, factor: 1e-6}, {name: "sent", source: "host", series: "net_sent_bytes", rises: true, factor: 1e-6}}, host},
	}
}

const noGPU = "No GPU could be read: that needs NVIDIA's driver on this machine, or its exporter beside the server."

// gpus is a line for each GPU.
func gpus(series string) []line {
	return []line{{name: "GPU", source: "gpu", series: series, each: "gpu"}}
}

// groups are those of the panels, in their order.
func groups(panels []Panel) (out []string) {
	for _, p := range panels {
		if !slices.Contains(out, p.Group) {
			out = append(out, p.Group)
		}
	}
	return out
}

// A reason is why some panels have nothing to draw.
type reason struct {
	names []string
	why   string
}

// reasons are those of a group, each told once.
func reasons(panels []Panel, group string) (out []reason) {
	for _, p := range panels {
		if p.Group != group || p.Absent == "" {
			continue
		}
		i := slices.IndexFunc(out, func(r reason) bool { return r.why == p.Absent })
		if i < 0 {
			i, out = len(out), append(out, reason{why: p.Absent})
		}
		out[i].names = append(out[i].names, p.Name)
	}
	return out
}
