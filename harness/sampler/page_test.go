package sampler_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/sampler"
)

const openMetrics = "application/openmetrics-text; version=1.0.0"

// withAll is OpenMetrics with everything that the format has, as a collector writes
// what it gathered from others.
const withAll = `# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",note="a } # { b, \"c\" \\ \n"} 3 1795932609.746
# TYPE vllm:generation_tokens counter
# UNIT vllm:generation_tokens tokens
vllm:generation_tokens_total{engine="0"} 70.0 1795932609.746 # {trace_id="a b"} 1.0 1795932609.5
vllm:generation_tokens_created{engine="0"} 1795932000.1 1795932609.746
# TYPE vllm:build info
vllm:build_info{version="0.32"} 1 1795932609.746
# TYPE vllm:state stateset
vllm:state{vllm:state="sleeping"} 0
# TYPE vllm:odd unknown
vllm:odd 4
# TYPE vllm:batch gaugehistogram
vllm:batch_bucket{le="1.0"} 2
vllm:batch_bucket{le="+Inf"} 5
vllm:batch_gcount 5
vllm:batch_gsum 9
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{engine="0",le="1.0"} 2 1795932609.746
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf"} 5 1795932609.746
vllm:time_to_first_token_seconds_count{engine="0"} 5 1795932609.746
vllm:time_to_first_token_seconds_sum{engine="0"} 2.5 1795932609.746
vllm:time_to_first_token_seconds_created{engine="0"} 1795932000.1
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",note="a } # { b, \"c\" \\ \n"} 8
vllm:num_requests_running{engine="1"} 4
{"vllm:in_quotes", engine="0"} 6
# EOF
`

func TestPage_OpenMetricsIsReadAsPrometheusReadsIt(t *testing.T) {
	readings, err := page(t, 200, openMetrics, strings.Replace(withAll, `{vllm:state="sleeping"}`, `{"vllm:state"="sleeping"}`, 1)).Read(t.Context())
	require.NoError(t, err)
	for series, want := range map[string][]float64{
		"vllm:num_requests_running": {3, 4}, "vllm:generation_tokens_total": {70}, "vllm:generation_tokens_created": nil, "vllm:build_info": {1}, "vllm:state": {0},
		"vllm:odd": {4}, "vllm:batch_gcount": {5}, "vllm:batch_gsum": {9}, "vllm:in_quotes": {6},
		"vllm:time_to_first_token_seconds_count": {5}, "vllm:time_to_first_token_seconds_sum": {2.5}, "vllm:time_to_first_token_seconds_bucket": {2, 5},
	} {
		assert.Equal(t, want, values(readings, series), series)
	}
	for _, r := range readings {
		if r.Series == "vllm:num_requests_running" && r.Value == 3 {
			assert.Equal(t, map[string]string{"engine": "0", "note": "a } # { b, \"c\" \\ \n"}, r.Labels)
		}
		if r.Series == "vllm:time_to_first_token_seconds_bucket" {
			assert.Contains(t, []string{"1", "+Inf"}, r.Labels["le"], "an end has one way of being written")
		}
	}
}

func TestPage_malformedLineIsNamed(t *testing.T) {
	for line, says := range map[string]string{
		"vllm:x{a=\"1\" 3":      "line 2: the labels of vllm:x: ",
		"vllm:x{a=1} 3":         "a value without quotes",
		"vllm:x three":          `vllm:x: "three" is no number`,
		"vllm:x":                "without a value",
		"vllm:x{a=\"1\"}":       "vllm:x has no value",
		"vllm:x 1 2 3":          "vllm:x has no value",
		"vllm:x 1 yesterday":    `"yesterday" is no time`,
		"vllm:x{a=\"never end}": "a quote is not closed",
		`vllm:x{a="never end\`:  "a quote is not closed",
		"vllm:x 0x1p3":          `"0x1p3" is no number`,
		"vllm:x 1_000":          `"1_000" is no number`,
		"vllm:x 1#":             `"1#" is no number`,
		`vllm:x{a="1",a="2"} 3`: "a comes twice",
		`vllm:x{1a="1"} 3`:      `"1a" is no name`,
		`vllm:x{="1"} 3`:        "a value without a name",
		`vllm:"x"{a="1"} 3`:     `"vllm:\"x\"" is no name`,
		"vllm:x{a=\"\xff\"} 3":  `"\xff" is not UTF-8`,
	} {
		_, err := page(t, 200, "text/plain", "# a page\n"+line+"\n").Read(t.Context())
		assert.ErrorContains(t, err, "the page is malformed: line 2: ", line)
		assert.ErrorContains(t, err, says, line)
	}
}

func TestPage_seriesIsOneHoweverItsLabelsAreWritten(t *testing.T) {
	const twice = "vllm:x{a=\"1\",b=\"2\"} 1\nvllm:x{b=\"2\", a=\"1\",} 10\nvllm:x{a=\"1\",b=\"2\",c=\"\"} 100\nvllm:x{a=\"1\"} 1000\n"
	readings, err := page(t, 200, "text/plain", twice).Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []float64{1, 1000}, values(readings, "vllm:x"), "a sum of one series twice would be too large")
	assert.Equal(t, map[string]string{"a": "1", "b": "2"}, readings[0].Labels)
}

func TestPage_backslashesThatEscapeNothingStay(t *testing.T) {
	readings, err := page(t, 200, "text/plain", `vllm:x{a="C:\\new\tab\n\"",b="\\"} 1`+"\n").Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": `C:\new\tab` + "\n\"", "b": `\`}, readings[0].Labels)
}

func TestPage_byteOrderMarkHidesNoSeries(t *testing.T) {
	readings, err := page(t, 200, "text/plain", "\ufeffvllm:x 1\nvllm:y 2\n").Read(t.Context())
	require.NoError(t, err)
	assert.Len(t, readings, 2)
}

func TestPage_nothingFollowsAnEndMark(t *testing.T) {
	_, err := page(t, 200, openMetrics, "vllm:x 1\n# EOF\nvllm:x 2\n# EOF\n").Read(t.Context())
	assert.ErrorContains(t, err, "the page is malformed: line 3 comes after the end mark")
}

// TestPage_isReadAsPrometheusOwnParserReadsIt holds ours against it on the page of a
// real server.
func TestPage_isReadAsPrometheusOwnParserReadsIt(t *testing.T) {
	raw, err := os.ReadFile("../../fixtures/recordings/0.32.0/metrics-after.txt")
	require.NoError(t, err)
	_, body, _ := strings.Cut(string(raw), "\n\n")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	require.NoError(t, err)
	theirs := 0
	source := page(t, 200, "text/plain; version=0.0.4", body)
	for name := range families {
		source.Wanted = append(source.Wanted, name, name+"_sum", name+"_count", name+"_bucket")
	}
	readings, err := source.Read(t.Context())
	require.NoError(t, err)
	for name, family := range families {
		for _, m := range family.Metric {
			switch {
			case m.Histogram != nil:
				theirs += 2 + len(m.Histogram.Bucket)
				assert.Contains(t, values(readings, name+"_sum"), m.Histogram.GetSampleSum(), name)
				assert.Contains(t, values(readings, name+"_count"), float64(m.Histogram.GetSampleCount()), name)
			case m.Summary != nil:
				theirs += 2 + len(m.Summary.Quantile)
			default:
				theirs++
				assert.Contains(t, values(readings, name), m.GetGauge().GetValue()+m.GetCounter().GetValue()+m.GetUntyped().GetValue(), name)
			}
		}
	}
	assert.Len(t, readings, theirs)
	assert.IsType(t, new(dto.MetricFamily), families["vllm:num_requests_running"])
}

func TestPage_otherModelsAreSetApart(t *testing.T) {
	const gateway = `vllm:num_requests_running{engine="0",model_name="m"} 3
vllm:num_requests_running{engine="0",model_name="n"} 40
vllm:num_requests_running{engine="1",model_name="m"} 4
http_requests_total{status="2xx"} 9
`
	of := func(p *sampler.Prometheus) map[string][]float64 {
		readings, err := p.Read(t.Context())
		require.NoError(t, err)
		out := map[string][]float64{}
		for _, r := range readings {
			out[r.Source] = append(out[r.Source], r.Value)
		}
		return out
	}
	p := page(t, 200, "text/plain", gateway)
	p.Models = []string{"m", "an-adapter"}
	assert.Equal(t, map[string][]float64{"server": {3, 4, 9}, harness.OtherModels: {40}}, of(p))
	assert.Empty(t, p.Remarks())

	p = page(t, 200, "text/plain", gateway)
	p.Models = []string{"another"}
	assert.Equal(t, map[string][]float64{"server": {9}, harness.OtherModels: {3, 40, 4}}, of(p))
	assert.Contains(t, p.Remarks()[0], `name no model "another", but m, n: which of them is asked is not known`)

	p = page(t, 200, "text/plain", strings.ReplaceAll(gateway, `"0",model_name="n"`, `"2",model_name="m"`))
	p.Models = []string{"another"}
	assert.Equal(t, map[string][]float64{"server": {3, 40, 4, 9}}, of(p), "a server may call its own by another name")
	assert.Contains(t, p.Remarks()[0], `name no model "another", but m: their figures are taken for its own`)
}

func TestPage_namedSeriesAreRead(t *testing.T) {
	const others = "process_resident_memory_bytes 1e9\nsglang:num_running_reqs 2\npython_gc_total 4\n"
	p := page(t, 200, "text/plain", others)
	p.Wanted = []string{"process_resident_memory_bytes", "sglang:num_running_reqs"}
	readings, err := p.Read(t.Context())
	require.NoError(t, err, "though no metric is vLLM's")
	assert.Equal(t, []float64{1e9}, values(readings, "process_resident_memory_bytes"))
	assert.Equal(t, []float64{2}, values(readings, "sglang:num_running_reqs"))
	assert.Empty(t, values(readings, "python_gc_total"))
}

func TestPage_remedyIsItsOwn(t *testing.T) {
	p := page(t, 401, "text/plain", "")
	p.Access = "set VLLM_METRICS_API_KEY"
	_, err := p.Read(t.Context())
	assert.ErrorContains(t, err, "/metrics: 401: access is refused; set VLLM_METRICS_API_KEY")
	_, err = sampler.Replicas{p, page(t, 404, "text/plain", "")}.Read(t.Context())
	assert.NotContains(t, err.Error(), "\n", "a reason is one line")
	assert.ErrorContains(t, err, "; http://")
}

// split is a page of dcgm-exporter about one GPU that is split, and about a whole one;
// two pods have instances of it.
const split = `DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-a",modelName="H100",GPU_I_ID="7",Hostname="n1",namespace="ml",pod="ours"} 300
DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-a",modelName="H100",GPU_I_ID="8",Hostname="n1",namespace="monitoring",pod="dcgm",exported_namespace="ml",exported_pod="theirs"} 300
DCGM_FI_DEV_POWER_USAGE{gpu="1",UUID="GPU-b",modelName="H100",Hostname="n1"} 200
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="0",UUID="GPU-a",GPU_I_ID="7",Hostname="n1"} 5000
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="0",UUID="GPU-a",GPU_I_ID="8",Hostname="n1"} 5000
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-a",GPU_I_ID="7",Hostname="n1"} 1024
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-a",GPU_I_ID="8",Hostname="n1"} 2048
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-a",Hostname="n1"} 9999
DCGM_FI_PROF_GR_ENGINE_ACTIVE{gpu="0",UUID="GPU-a",GPU_I_ID="7",Hostname="n1"} 0.5
DCGM_FI_DEV_POWER_USAGE{gpu="1",UUID="GPU-b",modelName="H100",Hostname="another-name-of-n1"} 200
`

func TestExporter_splitGPUCountsOnce(t *testing.T) {
	e := exported(t, split)
	readings, err := e.Read(t.Context())
	require.NoError(t, err)
	for series, want := range map[string]map[string]float64{
		"gpu_power_watts": {"n1 0": 300, "n1 1": 200}, "gpu_energy_joules": {"n1 0": 5}, "gpu_mig_instances": {"n1 0": 2},
		"gpu_memory_used_bytes": {"n1 0/7": 1 << 30, "n1 0/8": 2 << 30}, "gpu_utilisation_ratio": {"n1 0/7": .5},
	} {
		assert.Equal(t, want, byGPU(readings, series), series)
	}
	pods := map[string]bool{}
	for _, r := range readings {
		if r.Series == "gpu_pod_info" {
			pods[r.Labels["pod"]] = true
		}
	}
	assert.Equal(t, map[string]bool{"ml/ours": true, "ml/theirs": true}, pods)
	require.Len(t, e.GPUs(), 2)
	assert.Equal(t, 2, e.GPUs()[0].Instances)
	assert.True(t, e.GPUs()[0].MIG)
	assert.Zero(t, e.GPUs()[1].Instances)
}

func TestExporter_GPUsOfSeveralMachines(t *testing.T) {
	second := strings.NewReplacer("GPU-a", "GPU-c", "GPU-b", "GPU-d", `,Hostname="n1"`, "", `,Hostname="another-name-of-n1"`, "").Replace(split)
	one, two := exported(t, split), exported(t, second)
	all := sampler.Exporters{one, two, {URL: one.URL, HTTP: one.HTTP}}
	readings, err := all.Read(t.Context())
	require.NoError(t, err)
	power := byGPU(readings, "gpu_power_watts")
	assert.Len(t, power, 4, "a GPU of two pages counts once")
	sum := 0.0
	for v := range maps.Values(power) {
		sum += v
	}
	assert.InDelta(t, 1000, sum, 1e-9)
	assert.Len(t, values(readings, "gpu_power_watts"), 4)
	assert.Len(t, all.GPUs(), 4)
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "") }))
	gone.Close()
	_, err = append(all, &sampler.Exporter{URL: gone.URL, HTTP: gone.Client()}).Read(t.Context())
	assert.ErrorContains(t, err, "refused", "a sum over the others would be too small")
}
