package suite_test

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

// TestCharts_ofManyMachinesAreInTheFilesToo has what a run in virtual time lacks: so many
// readings that charts take them in steps, two engines of which one starts again, eight
// GPUs here and in each of two other machines, the client's own machine.
func TestCharts_ofManyMachinesAreInTheFilesToo(t *testing.T) {
	needsDuckDB(t)
	dir := machines(t, t.TempDir())
	stored, err := store.Open(dir)
	require.NoError(t, err)
	p := paper{sheet: readSheet(t, filepath.Join(dir, "report.html")), duck: &duck{t: t}, of: stored, measured: measure.Of(stored.Run)}
	p.readData()
	for _, panel := range p.data.Panels {
		if panel.Name == "Power" {
			require.Len(t, panel.Series, 24)
			assert.Equal(t, "GPU 0", panel.Series[0].Name)
			assert.Equal(t, "GPU 7 of b", panel.Series[23].Name)
			assert.Less(t, len(panel.Series[0].At), 1000, "drawn in steps")
		}
		if panel.Name == "KV cache" {
			for _, v := range panel.Series[0].V {
				assert.LessOrEqual(t, v, 1.0, "of the fullest engine, not of both together")
			}
		}
	}
	p.charts()
	p.figures()
	p.duck.run(dir)
}

// machines stores a run that nobody made, and draws its page.
func machines(t *testing.T, out string) string {
	t.Helper()
	const seconds = 1300
	length := seconds*time.Second + 2700*time.Millisecond // a part of a step that is drawn
	run := &harness.Run{Scenario: harness.Scenario{Name: "Many machines", Seed: 7}, Start: time.Date(2026, 11, 23, 22, 15, 3, 0, time.UTC),
		Length: length, From: time.Minute, To: length, Requests: seconds}
	folder, err := store.Create(out, store.Name(run.Start, run.Scenario.Name))
	require.NoError(t, err)
	archive := folder.Archive(run.Scenario.Name)
	for i := range seconds {
		require.NoError(t, archive.Record(answer(i)))
		for _, s := range readings(i) {
			require.NoError(t, archive.Sample(s))
		}
	}
	require.NoError(t, archive.Close())
	run.Records, run.Samples = archive.Records(), archive.Samples()
	manifest := store.NewManifest(folder.Run(), run)
	var page bytes.Buffer
	require.NoError(t, reports.Render(&page, reports.NewView(run, measure.Of(run), nil, manifest)))
	require.NoError(t, folder.WriteJSON("run.json", manifest))
	require.NoError(t, folder.WriteJSON("verdicts.json", []slo.Verdict{}))
	require.NoError(t, folder.WriteFile("report.html", page.Bytes()))
	dir, err := folder.Publish()
	require.NoError(t, err)
	return dir
}

// answer is a request each second; of some nobody tells the tokens of each chunk.
func answer(i int) harness.Record {
	r := harness.NewRecord(i, time.Duration(i)*time.Second)
	r.Sent, r.OutputTokens = r.Due+time.Millisecond, 9
	for k := range 5 {
		r.Chunks = append(r.Chunks, r.Due+time.Duration(40+k*(7+i%13))*time.Millisecond)
	}
	if i%3 > 0 {
		r.ChunkTokens = []int{1, 2, 2, 2, 2}
	}
	r.Done = r.Chunks[4] + time.Duration(i%1500)*time.Millisecond
	switch {
	case i%50 == 7:
		r.Failure, r.Error, r.OutputTokens = harness.Timeout, "no end after a minute", harness.Unreported
	case i%50 == 9:
		r.Failure = harness.Canceled
	}
	return r
}

// readings are those of one second, which are not just one apart.
func readings(i int) (out []harness.Sample) {
	at := time.Duration(float64(i) * 1.0003 * 1e9)
	add := func(source, series string, v float64, labels ...string) {
		of := map[string]string{}
		for k := 0; k+1 < len(labels); k += 2 {
			of[labels[k]] = labels[k+1]
		}
		out = append(out, harness.Sample{At: at, Reading: harness.Reading{Source: source, Series: series, Labels: of, Value: v}})
	}
	x := float64(i)
	wave := func(period, phase float64) float64 { return .5 + .5*math.Sin(2*math.Pi*x/period+phase) }
	for engine := range 2 {
		label, since := fmt.Sprint(engine), x
		if engine == 1 && i >= 700 {
			since = x - 700 // it was started again
		}
		gauge := func(series string, v float64) { add("server", series, v, "engine", label) }
		gauge("vllm:num_requests_running", math.Round(40*wave(300, float64(engine))))
		gauge("vllm:num_requests_waiting", math.Round(9*wave(70, float64(engine))))
		gauge("vllm:kv_cache_usage_perc", wave(500, 2*float64(engine)))
		for k, series := range []string{"vllm:num_preemptions_total", "vllm:prefix_cache_hits_total", "vllm:prefix_cache_queries_total", "vllm:prompt_tokens_total", "vllm:generation_tokens_total"} {
			gauge(series, math.Floor(since*float64(k+1)*(1+wave(900, 0)/5)))
		}
	}
	for k, host := range [][]string{nil, {"host", "a"}, {"host", "b"}} {
		for gpu := range 8 {
			v := wave(600, float64(gpu)/2+float64(k)/5)
			for series, scale := range map[string]float64{"gpu_utilisation_ratio": 1, "gpu_memory_used_bytes": 7e10, "gpu_power_watts": 700, "gpu_sm_clock_hertz": 1.98e9, "gpu_temperature_celsius": 80} {
				add("gpu", series, scale*(.3+.6*v), append([]string{"gpu", fmt.Sprint(gpu)}, host...)...)
			}
		}
	}
	for series, v := range map[string]float64{"cpu_utilisation_ratio": wave(50, 0), "cpu_steal_ratio": wave(90, 1) / 20, "net_received_bytes": 3e6 * x, "net_sent_bytes": 1e5 * x, "server_cpu_seconds": 1.5 * x} {
		add("host", series, v)
	}
	for series, v := range map[string]float64{harness.SeriesInFlight: math.Round(5 * wave(33, 0)), harness.SeriesBacklog: 0, "process_cpu_seconds": x / 7} {
		add("client", series, v)
	}
	return out
}
