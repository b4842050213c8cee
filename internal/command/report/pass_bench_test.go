package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// missed is a stored run of so many requests, each of 64 tokens, that missed its objective.
func missed(b *testing.B, requests int) string {
	b.Helper()
	objective, err := slo.Parse("p50 TTFT", "at most 5 ms")
	require.NoError(b, err)
	length := time.Duration(requests) * 10 * time.Millisecond
	scenario := harness.Scenario{Name: "One", Seed: 7, Objectives: []harness.Objective{objective}, Load: harness.Open{Arrivals: arrival.Even{PerSecond: 100}, For: length}}
	folder, err := store.Create(b.TempDir(), "run=missed")
	require.NoError(b, err)
	archive := folder.Archive(scenario.Name)
	for i := range requests {
		r := harness.NewRecord(i, time.Duration(i)*10*time.Millisecond)
		r.Sent, r.Headers, r.Finish, r.Good = r.Due, r.Due+1e6, "stop", true
		for token := range 64 {
			r.Chunks = append(r.Chunks, r.Due+20e6+time.Duration(token)*7e6+time.Duration(i%13)*1e5)
		}
		r.Done, r.OutputTokens, r.PromptTokens = r.Chunks[63], 64, 16
		require.NoError(b, archive.Record(r))
	}
	for at := time.Duration(0); at <= length; at += time.Second {
		for _, series := range []string{"vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:generation_tokens_total", "vllm:prompt_tokens_total"} {
			require.NoError(b, archive.Sample(harness.Sample{At: at, Reading: harness.Reading{Source: "server", Series: series, Value: at.Seconds()}}))
		}
	}
	require.NoError(b, archive.Close())
	m := store.NewManifest(folder.Run(), &harness.Run{Scenario: scenario, Length: length + time.Second, To: length, Virtual: true, Requests: requests})
	m.Judged = []store.Asked{{Kind: store.AskedObjectives, Rows: scenario.Objectives}}
	require.NoError(b, folder.WriteJSON("run.json", m))
	dir, err := folder.Publish()
	require.NoError(b, err)
	judged(b, dir)
	return dir
}

// BenchmarkRead makes the page of a stored run from its files: with one pass over them for
// all that needs them, and with a pass for each: the check of the files, the figures, both
// sides' counts, the cause, the phases and the charts.
func BenchmarkRead(b *testing.B) {
	dir := missed(b, 10_000)
	b.Run("one pass", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var drawing *chart.Drawing
			r, err := judge.Read(dir, func(run *harness.Run) harness.Consumer {
				drawing = chart.NewDrawing(run.Requests, chart.Full())
				return drawing
			})
			require.NoError(b, err)
			require.Equal(b, slo.Missed, reports.NewDrawnView(drawing, r.Run, r.Window, r.Times, r.Verdicts, r.Manifest).Outcome)
		}
	})
	b.Run("a pass each", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			stored, err := store.Open(dir)
			require.NoError(b, err)
			window := measure.Of(stored.Run)
			require.NotNil(b, ledger.Of(stored.Run))
			verdicts := slo.Judge(window, stored.Run.Scenario.Objectives)
			diagnose.Explain(verdicts, window)
			drawing := chart.NewDrawing(stored.Run.Requests, chart.Full())
			stored.Run.Each(drawing)
			require.Equal(b, slo.Missed, reports.NewDrawnView(drawing, stored.Run, window, diagnose.TimesOf(window), verdicts, stored.Manifest).Outcome)
		}
	})
}
