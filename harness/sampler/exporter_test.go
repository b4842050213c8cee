package sampler_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/sampler"
)

// dcgm is a page as NVIDIA's dcgm-exporter writes it, of two GPUs, the second of which
// two pods share; one value is DCGM's "none".
const dcgm = `# HELP DCGM_FI_DEV_SM_CLOCK SM clock frequency (in MHz).
# TYPE DCGM_FI_DEV_SM_CLOCK gauge
DCGM_FI_DEV_SM_CLOCK{gpu="0",UUID="GPU-a",device="nvidia0",modelName="NVIDIA H100 80GB HBM3",Hostname="node-1",DCGM_FI_DRIVER_VERSION="550.54.15"} 1980
DCGM_FI_DEV_SM_CLOCK{gpu="1",UUID="GPU-b",device="nvidia1",modelName="NVIDIA H100 80GB HBM3",Hostname="node-1",DCGM_FI_DRIVER_VERSION="550.54.15",pod="x"} 345
DCGM_FI_DEV_SM_CLOCK{gpu="1",UUID="GPU-b",device="nvidia1",modelName="NVIDIA H100 80GB HBM3",Hostname="node-1",DCGM_FI_DRIVER_VERSION="550.54.15",pod="y"} 345
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a",Hostname="node-1"} 87
DCGM_FI_DEV_GPU_UTIL{gpu="1",UUID="GPU-b",Hostname="node-1"} 0
# TYPE DCGM_FI_DEV_FB_USED gauge
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-a",Hostname="node-1"} 71680
# TYPE DCGM_FI_DEV_POWER_USAGE gauge
DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-a",Hostname="node-1"} 612.345
# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="0",UUID="GPU-a",Hostname="node-1"} 123456789
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="1",UUID="GPU-b",Hostname="node-1",pod="x"} 5000
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="1",UUID="GPU-b",Hostname="node-1",pod="y"} 5000
# TYPE DCGM_FI_DEV_MEMORY_TEMP gauge
DCGM_FI_DEV_MEMORY_TEMP{gpu="0",UUID="GPU-a",Hostname="node-1"} 2147483632
# TYPE DCGM_FI_DEV_CLOCKS_EVENT_REASONS gauge
DCGM_FI_DEV_CLOCKS_EVENT_REASONS{gpu="0",UUID="GPU-a",Hostname="node-1"} 36
# TYPE DCGM_FI_PROF_GR_ENGINE_ACTIVE gauge
DCGM_FI_PROF_GR_ENGINE_ACTIVE{gpu="0",UUID="GPU-a",Hostname="node-1"} 0.91
`

// amd is a page as AMD's device-metrics-exporter writes it.
const amd = `# TYPE gpu_package_power gauge
gpu_package_power{card_model="MI300X",gpu_id="0",gpu_partition_id="0",hostname="node-2",serial_number="1"} 540
# TYPE gpu_power_usage gauge
gpu_power_usage{card_model="MI300X",gpu_id="0",hostname="node-2"} 541
# TYPE gpu_energy_consumed gauge
gpu_energy_consumed{card_model="MI300X",gpu_id="0",hostname="node-2"} 1.5e+12
# TYPE gpu_gfx_activity gauge
gpu_gfx_activity{card_model="MI300X",gpu_id="0",hostname="node-2"} 42
# TYPE gpu_used_vram gauge
gpu_used_vram{card_model="MI300X",gpu_id="0",hostname="node-2"} 1024
# TYPE gpu_clock gauge
gpu_clock{card_model="MI300X",clock_index="0",clock_type="GPU_CLOCK_TYPE_SYSTEM",gpu_id="0",hostname="node-2"} 2100
gpu_clock{card_model="MI300X",clock_index="8",clock_type="memory",gpu_id="0",hostname="node-2"} 1300
gpu_clock{card_model="MI300X",clock_index="9",clock_type="video",gpu_id="0",hostname="node-2"} 29
`

// exported is an exporter with these pages, one after the other.
func exported(t *testing.T, pages ...string) *sampler.Exporter {
	t.Helper()
	var served atomic.Int64 // exporters of one address are read at once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		io.WriteString(w, pages[min(int(served.Add(1))-1, len(pages)-1)])
	}))
	t.Cleanup(server.Close)
	return &sampler.Exporter{URL: server.URL + "/metrics", HTTP: server.Client()}
}

func byGPU(readings []harness.Reading, series string) map[string]float64 {
	out := map[string]float64{}
	for _, r := range readings {
		if r.Series == series {
			out[r.Labels["host"]+" "+r.Labels["gpu"]] = r.Value
		}
	}
	return out
}

func TestExporter_NVIDIAs(t *testing.T) {
	e := exported(t, dcgm)
	readings, err := e.Read(t.Context())
	require.NoError(t, err)
	for series, want := range map[string]map[string]float64{
		"gpu_sm_clock_hertz": {"node-1 0": 1980e6, "node-1 1": 345e6}, "gpu_utilisation_ratio": {"node-1 0": .87, "node-1 1": 0},
		"gpu_memory_used_bytes": {"node-1 0": 70 << 30}, "gpu_power_watts": {"node-1 0": 612.345},
		"gpu_energy_joules": {"node-1 0": 123456.789, "node-1 1": 5}, "gpu_memory_temperature_celsius": {},
		"gpu_power_capped_ratio": {"node-1 0": 1}, "gpu_throttled_ratio": {"node-1 0": 1},
	} {
		assert.InDeltaMapValues(t, want, byGPU(readings, series), 1e-9, series)
	}
	require.Len(t, e.GPUs(), 2)
	assert.Equal(t, sampler.GPU{Index: "0", Model: "NVIDIA H100 80GB HBM3", UUID: "GPU-a", Driver: "550.54.15"}, e.GPUs()[0])
}

func TestExporter_AMDs(t *testing.T) {
	for name, page := range map[string]string{"plain": amd, "with its prefix": strings.NewReplacer("\ngpu_", "\namd_gpu_", "TYPE gpu_", "TYPE amd_gpu_").Replace(amd)} {
		t.Run(name, func(t *testing.T) {
			readings, err := exported(t, page).Read(t.Context())
			require.NoError(t, err)
			for series, want := range map[string]float64{"gpu_power_watts": 540, "gpu_energy_joules": 1.5e6, "gpu_utilisation_ratio": .42,
				"gpu_memory_used_bytes": 1 << 30, "gpu_sm_clock_hertz": 2100e6, "gpu_memory_clock_hertz": 1300e6} {
				assert.InDeltaMapValues(t, map[string]float64{"node-2 0": want}, byGPU(readings, series), 1e-6, series)
			}
		})
	}
}

func TestExporter_thatLosesAGPULeavesAGap(t *testing.T) {
	var one []string
	for line := range strings.Lines(dcgm) {
		if !strings.Contains(line, `gpu="1"`) {
			one = append(one, line)
		}
	}
	e := exported(t, dcgm, strings.Join(one, ""))
	_, err := e.Read(t.Context())
	require.NoError(t, err)
	readings, err := e.Read(t.Context())
	assert.ErrorContains(t, err, "of 2 GPUs that were on the page 1 are left")
	assert.Empty(t, readings)
	_, err = exported(t, metrics).Read(t.Context())
	assert.ErrorContains(t, err, "has no metric of a GPU")
}

func TestPrometheus_missingEngineLeavesAGap(t *testing.T) {
	pages := []string{metrics, strings.Replace(metrics, `vllm:num_requests_running{engine="1",model_name="m"} 4`+"\n", "", 1), metrics}
	served := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, pages[served])
		served++
	}))
	t.Cleanup(server.Close)
	p := &sampler.Prometheus{URL: server.URL, HTTP: server.Client(), Source: "server"}
	_, err := p.Read(t.Context())
	require.NoError(t, err)
	_, err = p.Read(t.Context())
	require.ErrorContains(t, err, `engine "1" is missing on the page`, "half of a queue is not the queue")
	_, err = p.Read(t.Context())
	require.NoError(t, err)
}

func TestPrometheus_bothDialectsAndOldNames(t *testing.T) {
	old := `# TYPE vllm:gpu_cache_usage_perc gauge
vllm:gpu_cache_usage_perc{engine="0"} 0.5
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0"} 0.5
# TYPE vllm:gpu_prefix_cache_hits_total counter
vllm:gpu_prefix_cache_hits_total{engine="0"} 7
# TYPE vllm:gpu_prefix_cache_hits_created gauge
vllm:gpu_prefix_cache_hits_created{engine="0"} 1.7e+09
# TYPE vllm:time_per_output_token_seconds histogram
vllm:time_per_output_token_seconds_bucket{engine="0",le="0.01"} 3
vllm:time_per_output_token_seconds_bucket{engine="0",le="+Inf"} 4
vllm:time_per_output_token_seconds_count{engine="0"} 4
vllm:time_per_output_token_seconds_sum{engine="0"} 0.05
# TYPE vllm:iteration_tokens_total histogram
vllm:iteration_tokens_total_bucket{engine="0",le="8"} 1
vllm:iteration_tokens_total_bucket{engine="0",le="+Inf"} 2
vllm:iteration_tokens_total_count{engine="0"} 2
vllm:iteration_tokens_total_sum{engine="0"} 30
`
	rust := `# HELP vllm:kv_cache_usage_perc Usage.
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{model_name="m",engine="0"} 0.5
# HELP vllm:prefix_cache_hits Hits.
# TYPE vllm:prefix_cache_hits counter
# UNIT vllm:prefix_cache_hits tokens
vllm:prefix_cache_hits_total{model_name="m",engine="0"} 7 # {trace_id="1"} 1
# TYPE vllm:inter_token_latency_seconds histogram
vllm:inter_token_latency_seconds_bucket{le="0.01",model_name="m",engine="0"} 3
vllm:inter_token_latency_seconds_bucket{le="+Inf",model_name="m",engine="0"} 4
vllm:inter_token_latency_seconds_count{model_name="m",engine="0"} 4
vllm:inter_token_latency_seconds_sum{model_name="m",engine="0"} 0.05
# EOF
`
	for name, source := range map[string]*sampler.Prometheus{
		"python, old names": page(t, 200, "text/plain; version=0.0.4", old), "rust": page(t, 200, "application/openmetrics-text; version=1.0.0", rust)} {
		t.Run(name, func(t *testing.T) {
			readings, err := source.Read(t.Context())
			require.NoError(t, err)
			for series, want := range map[string][]float64{"vllm:kv_cache_usage_perc": {.5}, "vllm:prefix_cache_hits_total": {7},
				"vllm:inter_token_latency_seconds_sum": {.05}, "vllm:inter_token_latency_seconds_bucket": {3, 4}, "vllm:prefix_cache_hits_created": nil} {
				assert.Equal(t, want, values(readings, series), series)
			}
		})
	}
	readings, err := page(t, 200, "text/plain", old).Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []float64{30}, values(readings, "vllm:iteration_tokens_total_sum"), "a histogram whose name ends as a counter's does")
	assert.Empty(t, values(readings, "vllm:iteration_tokens_total_bucket"), "nobody asks for these")
}
