package sampler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"github.com/vllmspec/vllmspec/harness"
)

// Exporter reads GPUs where an exporter runs beside the server: NVIDIA's
// dcgm-exporter, or AMD's device-metrics-exporter.
type Exporter struct {
	URL  string
	HTTP *http.Client

	about []GPU
	seen  int // GPUs that the page has had
}

// String is what is watched.
func (e *Exporter) String() string { return "gpu" }

// An exported metric is what of an exporter's is taken: a figure of ours, in its unit.
type exported struct {
	name, series string
	unit         float64
	clock        string // of AMD's gpu_clock, whose label tells which it is
}

// exportedMetrics is the table of names. Of several with one series the first that is
// there is taken. NVIDIA's are DCGM's fields (dcgm-exporter, etc/*.csv), AMD's those of
// docs/configuration/metricslist.md of its exporter.
func exportedMetrics() []exported {
	const MiB, percent, MHz = 1 << 20, 0.01, 1e6
	return []exported{
		{name: "DCGM_FI_DEV_GPU_UTIL", series: "gpu_utilisation_ratio", unit: percent},
		{name: "DCGM_FI_PROF_GR_ENGINE_ACTIVE", series: "gpu_utilisation_ratio", unit: 1}, // where the GPU is split, the only one
		{name: "DCGM_FI_DEV_MEM_COPY_UTIL", series: "gpu_memory_activity_ratio", unit: percent},
		{name: "DCGM_FI_DEV_FB_USED", series: "gpu_memory_used_bytes", unit: MiB},
		{name: "DCGM_FI_DEV_FB_TOTAL", series: "gpu_memory_total_bytes", unit: MiB},
		{name: "DCGM_FI_DEV_POWER_USAGE", series: "gpu_power_watts", unit: 1},
		{name: "DCGM_FI_DEV_ENFORCED_POWER_LIMIT", series: "gpu_power_limit_watts", unit: 1},
		{name: "DCGM_FI_DEV_POWER_MGMT_LIMIT", series: "gpu_power_limit_watts", unit: 1},
		{name: "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", series: "gpu_energy_joules", unit: 1e-3},
		{name: "DCGM_FI_DEV_GPU_TEMP", series: "gpu_temperature_celsius", unit: 1},
		{name: "DCGM_FI_DEV_MEMORY_TEMP", series: "gpu_memory_temperature_celsius", unit: 1},
		{name: "DCGM_FI_DEV_SM_CLOCK", series: "gpu_sm_clock_hertz", unit: MHz},
		{name: "DCGM_FI_DEV_MEM_CLOCK", series: "gpu_memory_clock_hertz", unit: MHz},
		{name: "DCGM_FI_DEV_CLOCKS_EVENT_REASONS", series: reasons},
		{name: "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", series: reasons},
		{name: "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", series: "gpu_ecc_corrected_errors", unit: 1},
		{name: "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", series: "gpu_ecc_uncorrected_errors", unit: 1},
		{name: "DCGM_FI_DEV_XID_ERRORS", series: "gpu_last_xid", unit: 1},
		{name: "DCGM_FI_PROF_SM_ACTIVE", series: "gpu_sm_active_ratio", unit: 1},
		{name: "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", series: "gpu_tensor_active_ratio", unit: 1},
		{name: "DCGM_FI_PROF_DRAM_ACTIVE", series: "gpu_dram_active_ratio", unit: 1},

		{name: "gpu_gfx_activity", series: "gpu_utilisation_ratio", unit: percent},
		{name: "gpu_umc_activity", series: "gpu_memory_activity_ratio", unit: percent},
		{name: "gpu_used_vram", series: "gpu_memory_used_bytes", unit: MiB},
		{name: "gpu_total_vram", series: "gpu_memory_total_bytes", unit: MiB},
		{name: "gpu_package_power", series: "gpu_power_watts", unit: 1},
		{name: "gpu_average_package_power", series: "gpu_power_watts", unit: 1},
		{name: "gpu_power_usage", series: "gpu_power_watts", unit: 1},
		{name: "gpu_energy_consumed", series: "gpu_energy_joules", unit: 1e-6},
		{name: "gpu_junction_temperature", series: "gpu_temperature_celsius", unit: 1},
		{name: "gpu_edge_temperature", series: "gpu_temperature_celsius", unit: 1},
		{name: "gpu_memory_temperature", series: "gpu_memory_temperature_celsius", unit: 1},
		{name: "gpu_clock", series: "gpu_sm_clock_hertz", unit: MHz, clock: "system"},
		{name: "gpu_clock", series: "gpu_memory_clock_hertz", unit: MHz, clock: "memory"},
		{name: "gpu_ecc_correct_total", series: "gpu_ecc_corrected_errors", unit: 1},
		{name: "gpu_ecc_uncorrect_total", series: "gpu_ecc_uncorrected_errors", unit: 1},
	}
}

// reasons stand for several figures in one number.
const reasons = "reasons"

// Read scrapes once.
func (e *Exporter) Read(ctx context.Context) ([]harness.Reading, error) {
	readings, err := e.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("metrics of the GPUs at %s: %w", withoutUser(e.URL), err)
	}
	return readings, nil
}

func (e *Exporter) read(ctx context.Context) ([]harness.Reading, error) {
	page, err := fetch(ctx, e.HTTP, e.URL, "set DCGM_METRICS_URL to the exporter's page, usually http://host:9400/metrics", "the exporter wants a user and a password: DCGM_METRICS_URL=http://user:password@host:9400/metrics")
	if err != nil {
		return nil, err
	}
	table, known := exportedMetrics(), map[string]bool{}
	for _, m := range table {
		known[m.name] = true
	}
	families, err := page.families(func(sample string) bool { return known[plainName(sample)] })
	if err != nil {
		return nil, err
	}
	byName := map[string]*dto.MetricFamily{}
	for name, family := range families {
		byName[plainName(name)] = family
	}
	taken := taken{}
	for _, m := range table {
		if family := byName[m.name]; family != nil {
			taken.family(m, family)
		}
	}
	switch n := len(taken); {
	case n == 0:
		return nil, errors.New("the page has no metric of a GPU that is known here: it should be NVIDIA's dcgm-exporter or AMD's device-metrics-exporter")
	case n < e.seen:
		return nil, fmt.Errorf("of %d GPUs that were on the page %d are left", e.seen, n)
	case n > e.seen:
		e.seen, e.about = n, taken.about()
	}
	return taken.readings(), nil
}

// plainName is a metric's without the prefix that AMD's exporter can be told to set.
func plainName(name string) string {
	return strings.TrimPrefix(name, "amd_")
}

// A place is a GPU on a page: its machine, where that is told, and its number there,
// with that of the instance where it is split.
type place struct{ host, gpu string }

// taken is what was taken of a page.
type taken map[place]*onPage

type onPage struct {
	values map[string]float64
	from   map[string]string // the metric that each came from
	GPU
}

// family takes a family. A GPU may be there several times, once for each pod that it
// was given to: its figures are the same, or as good as.
func (t taken) family(m exported, family *dto.MetricFamily) {
	for _, metric := range family.Metric {
		v, ok := valueOf(metric)
		labels := labelsOf(metric)
		if !ok || blank(v) || m.clock != "" && !strings.Contains(strings.ToLower(labels["clock_type"]), m.clock) {
			continue
		}
		at := place{cmp.Or(labels["Hostname"], labels["hostname"]), cmp.Or(labels["gpu"], labels["gpu_id"], labels["GPU_ID"])}
		if instance := labels["GPU_I_ID"]; instance != "" {
			at.gpu += "/" + instance
		}
		of := t[at]
		if of == nil {
			of = &onPage{values: map[string]float64{}, from: map[string]string{}, GPU: GPU{Index: at.gpu, MIG: strings.Contains(at.gpu, "/")}}
			t[at] = of
		}
		of.UUID = cmp.Or(of.UUID, labels["UUID"], labels["gpu_uuid"])
		of.Model = cmp.Or(of.Model, labels["modelName"], labels["card_model"], labels["card_series"])
		of.Driver = cmp.Or(of.Driver, labels["DCGM_FI_DRIVER_VERSION"], labels["driver_version"])
		if from, taken := of.from[m.series]; taken && from != m.name {
			continue
		}
		of.from[m.series] = m.name
		if m.series == reasons {
			of.values[reasons] = v
		} else {
			of.values[m.series] = max(of.values[m.series], v*m.unit)
		}
	}
}

// blank reports whether a number stands for none, as in DCGM's dcgm_structs.h.
func blank(v float64) bool {
	return math.IsNaN(v) || v >= 0x7ffffff0 && v <= 0x7fffffff || v >= 1<<47 && v < 1<<47+16 || v >= 0x7ffffffffffffff0
}

func (t taken) readings() (out []harness.Reading) {
	for at, of := range t {
		labels := map[string]string{"gpu": at.gpu}
		if at.host != "" {
			labels["host"] = at.host
		}
		add := func(series string, v float64) {
			out = append(out, harness.Reading{Source: "gpu", Series: series, Labels: labels, Value: v})
		}
		for series, v := range of.values {
			if series != reasons {
				add(series, v)
				continue
			}
			for _, flag := range throttled(uint64(v)) {
				add(flag.series, flag.v)
			}
		}
		if of.MIG {
			add("gpu_mig_instances", 1)
		}
	}
	return out
}

func (t taken) about() (out []GPU) {
	places := slices.SortedFunc(maps.Keys(t), func(a, b place) int { return cmp.Or(strings.Compare(a.host, b.host), strings.Compare(a.gpu, b.gpu)) })
	for _, at := range places {
		g := t[at].GPU
		g.MemoryBytes, g.PowerLimit = t[at].values["gpu_memory_total_bytes"], t[at].values["gpu_power_limit_watts"]
		out = append(out, g)
	}
	return out
}

// GPUs are those of the page, as it was read last.
func (e *Exporter) GPUs() []GPU { return e.about }
