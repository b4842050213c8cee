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

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/redact"
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
	ofInstance   bool   // of an instance where the GPU is split; what is not, all instances repeat
}

// exportedMetrics is the table of names. Of several with one series the first that is
// there is taken. NVIDIA's are DCGM's fields (dcgm-exporter, etc/*.csv), AMD's those of
// docs/configuration/metricslist.md of its exporter.
func exportedMetrics() []exported {
	const MiB, percent, MHz = 1 << 20, 0.01, 1e6
	return []exported{
		{name: "DCGM_FI_DEV_GPU_UTIL", series: "gpu_utilisation_ratio", unit: percent, ofInstance: true},
		{name: "DCGM_FI_PROF_GR_ENGINE_ACTIVE", series: "gpu_utilisation_ratio", unit: 1, ofInstance: true}, // where the GPU is split, the only one
		{name: "DCGM_FI_DEV_MEM_COPY_UTIL", series: "gpu_memory_activity_ratio", unit: percent, ofInstance: true},
		{name: "DCGM_FI_DEV_FB_USED", series: "gpu_memory_used_bytes", unit: MiB, ofInstance: true},
		{name: "DCGM_FI_DEV_FB_TOTAL", series: "gpu_memory_total_bytes", unit: MiB, ofInstance: true},
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
		{name: "DCGM_FI_PROF_SM_ACTIVE", series: "gpu_sm_active_ratio", unit: 1, ofInstance: true},
		{name: "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", series: "gpu_tensor_active_ratio", unit: 1, ofInstance: true},
		{name: "DCGM_FI_PROF_DRAM_ACTIVE", series: "gpu_dram_active_ratio", unit: 1, ofInstance: true},

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
		return nil, fmt.Errorf("%s: %w", redact.URL(e.URL), err)
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
	metrics, err := page.metrics(func(name string) bool { return known[plainName(name)] })
	if err != nil {
		return nil, err
	}
	byName := map[string][]metric{}
	for _, m := range metrics {
		byName[plainName(m.name)] = append(byName[plainName(m.name)], m)
	}
	taken := pageGPUs{}
	for _, m := range table {
		for _, one := range byName[m.name] {
			taken.take(m, one)
		}
	}
	taken.settle()
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

// plainName is a metric's without the prefix that AMD's exporter can be set to add.
func plainName(name string) string {
	return strings.TrimPrefix(name, "amd_")
}

// A place is a GPU on a page: its machine, where that is reported, and its number there,
// with that of the instance where it is split.
type place struct{ host, gpu string }

// board is the GPU that a place is an instance of, or the place itself.
func (p place) board() place {
	p.gpu, _, _ = strings.Cut(p.gpu, "/")
	return p
}

func (p place) isInstance() bool { return strings.Contains(p.gpu, "/") }

// pageGPUs is what was taken of a page.
type pageGPUs map[place]*onPage

type onPage struct {
	values map[string]float64
	from   map[string]string // the metric that each came from
	pods   map[string]bool   // that it was given to
	GPU
}

func (t pageGPUs) at(where place) *onPage {
	of := t[where]
	if of == nil {
		of = &onPage{values: map[string]float64{}, from: map[string]string{}, pods: map[string]bool{}, GPU: GPU{Index: where.gpu}}
		t[where] = of
	}
	return of
}

// take takes a sample. A GPU may be there several times, once for each pod that it
// was given to: its figures are the same, or as good as. Power, clocks and the like of
// one that is split are repeated for each instance, and count once.
func (t pageGPUs) take(m exported, one metric) {
	labels, v := one.labels, one.value
	if isSentinel(v) || m.clock != "" && !strings.Contains(strings.ToLower(labels["clock_type"]), m.clock) {
		return
	}
	uuid := cmp.Or(labels["UUID"], labels["gpu_uuid"])
	where := place{cmp.Or(labels["Hostname"], labels["hostname"]), cmp.Or(labels["gpu"], labels["gpu_id"], labels["GPU_ID"], uuid)}
	for at, of := range t {
		if uuid != "" && of.UUID == uuid {
			where = at // the same GPU, of another machine's or exporter's name
		}
	}
	board := t.at(where)
	board.about(labels)
	if instance := labels["GPU_I_ID"]; instance != "" {
		where.gpu += "/" + instance
		t.at(where)
	}
	of := board
	if m.ofInstance {
		of = t.at(where)
	}
	if from, taken := of.from[m.series]; taken && from != m.name {
		return
	}
	of.from[m.series] = m.name
	if m.series == reasons {
		of.values[reasons] = v
	} else {
		of.values[m.series] = max(of.values[m.series], v*m.unit)
	}
}

// about takes what a sample's labels tell of its GPU. In Kubernetes dcgm-exporter says
// which pod has it; where a Prometheus was in between, under another name.
func (of *onPage) about(labels map[string]string) {
	of.UUID = cmp.Or(of.UUID, labels["UUID"], labels["gpu_uuid"])
	of.Model = cmp.Or(of.Model, labels["modelName"], labels["card_model"], labels["card_series"])
	of.Driver = cmp.Or(of.Driver, labels["DCGM_FI_DRIVER_VERSION"], labels["driver_version"])
	namespace, pod := labels["exported_namespace"], labels["exported_pod"]
	if pod == "" {
		namespace, pod = labels["namespace"], labels["pod"]
	}
	switch {
	case pod != "" && namespace != "":
		of.pods[namespace+"/"+pod] = true
	case pod != "":
		of.pods[pod] = true
	}
}

// settle counts the instances of GPUs that are split. Of what each of those has by
// itself the GPU as a whole has nothing.
func (t pageGPUs) settle() {
	for where := range t {
		if where.isInstance() {
			board := t[where.board()]
			board.MIG, board.Instances = true, board.Instances+1
		}
	}
	for _, m := range exportedMetrics() {
		for where, of := range t {
			if board := t[where.board()]; m.ofInstance && where.isInstance() {
				if _, has := of.values[m.series]; has {
					delete(board.values, m.series)
				}
			}
		}
	}
}

// isSentinel reports whether a number stands for none, as in DCGM's dcgm_structs.h.
func isSentinel(v float64) bool {
	return math.IsNaN(v) || v >= 0x7ffffff0 && v <= 0x7fffffff || v >= 1<<47 && v < 1<<47+16 || v >= 0x7ffffffffffffff0
}

func (t pageGPUs) readings() (out []harness.Reading) {
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
			add("gpu_mig_instances", float64(of.Instances))
		}
		for pod := range of.pods {
			out = append(out, harness.Reading{Source: "gpu", Series: "gpu_pod_info", Labels: podLabels(labels, pod), Value: 1})
		}
	}
	return out
}

// podLabels are those of a GPU, and a pod that has it.
func podLabels(labels map[string]string, pod string) map[string]string {
	out := maps.Clone(labels)
	out["pod"] = pod
	return out
}

func (t pageGPUs) about() (out []GPU) {
	places := slices.SortedFunc(maps.Keys(t), func(a, b place) int { return cmp.Or(strings.Compare(a.host, b.host), strings.Compare(a.gpu, b.gpu)) })
	for _, at := range places {
		if at.isInstance() {
			continue
		}
		g := t[at].GPU
		g.MemoryBytes, g.PowerLimit = t[at].values["gpu_memory_total_bytes"], t[at].values["gpu_power_limit_watts"]
		out = append(out, g)
	}
	return out
}

// GPUs are those of the page, as it was read last.
func (e *Exporter) GPUs() []GPU { return e.about }
