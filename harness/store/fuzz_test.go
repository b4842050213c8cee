package store

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
)

// FuzzManifest holds that what is read of run.json can be written and read again, is a time where it
// says so, and names nothing outside of its folder.
func FuzzManifest(f *testing.F) {
	run := &harness.Run{Length: 5e9, From: 1e9, To: 4e9, Requests: 40, Scenario: harness.Scenario{Name: "One", Warmup: time.Second, Load: harness.Open{Arrivals: arrival.Poisson{PerSecond: 8}, For: time.Minute}}}
	m := NewManifest("run=x", run)
	m.Judged, m.Trial, m.Trials = []Asked{{Kind: AskedBaseline, File: "baseline-a.txt"}}, &Trial{Of: "run=y", Number: 1}, []string{"run=z"}
	seed, err := JSON(m)
	require.NoError(f, err)
	for _, raw := range []string{string(seed), "{}", `{"measured_from_ns": -9223372036854775808}`, `{"length_ns": 9223372036854775807}`, `{"length_nſ": 9223372036854775807}`, `{"run": "../../x"}`, `{"scenario":{"load_data":{"kind":"closed","users":3}}}`, `{"scenario":{"warmup_ns":1e300}}`, "[", `{"server":{"card":{"x_ns":-1}}}`} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parseManifest("run.json", raw)
		if err != nil {
			require.Contains(t, err.Error(), "run.json")
			return
		}
		for _, ns := range []int64{m.LengthNS, m.FromNS, m.ToNS, m.Scenario.WarmupNS} {
			require.True(t, ns >= 0 && ns <= int64(Longest), ns)
		}
		for _, name := range append([]string{m.Run}, m.Trials...) {
			require.Equal(t, filepath.Join("root", name), filepath.Join("root", filepath.Base("/"+name)), name)
		}
		scenario, err := m.scenario()
		if err == nil && scenario.Load != nil {
			require.NotNil(t, loadData(scenario.Load))
		}
		again, err := JSON(m)
		require.NoError(t, err)
		read, err := parseManifest("run.json", again)
		require.NoError(t, err)
		once, err := JSON(read)
		require.NoError(t, err)
		require.Equal(t, string(again), string(once))
	})
}

// FuzzBaseline holds that what is read of benchmark lines is numbers, and that lines which we write
// are read as they were.
func FuzzBaseline(f *testing.F) {
	f.Add(Bench("A day", map[string]string{"model": "x", "GPU": "one H100"}, Measured{10, []harness.Figure{{Name: "p99 TTFT", Unit: "s", Value: 0.25}}}, Measured{12, []harness.Figure{{Name: "error rate", Unit: "ratio"}}}))
	for _, text := range []string{"BenchmarkX 1 5 ns/op\n", "a: b\nBenchmarkX 1 NaN x\n", "<<<<<<< a\n", "BenchmarkX 1 1e400 x\n", "goos: linux\n\nBenchmarkX-8 10 1 p99-TTFT-sec 2 B/op\n", "BenchmarkX 1 5 sec\nBenchmarkX 1 5 ns/op 6 ns/op\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := parseBaseline("b.txt", raw)
		if err != nil {
			require.Contains(t, err.Error(), "b.txt")
			return
		}
		require.NotEmpty(t, b.lines)
		for _, l := range b.lines {
			for unit, v := range l.values {
				require.False(t, math.IsNaN(v) || math.IsInf(v, 0), "%s is %v", unit, v)
			}
			_, err := b.Of(l.name)
			if err == nil {
				require.NotPanics(t, func() { _, _ = b.Of(l.name) })
			}
		}
	})
}

// FuzzSpool holds that what is read of a spool is what the rows in it were written as: nothing is
// made up of bytes that are no row.
func FuzzSpool(f *testing.F) {
	rows := []row{toRow("run=x", "One", &harness.Record{Seq: 1, Due: 5, Error: "no", Chunks: []time.Duration{6, 7}}), toRow("run=x", "One", &harness.Record{Seq: 2})}
	var spool []byte
	for i := range rows {
		spool = appendPacked(spool, new(packer), &rows[i])
	}
	for _, seed := range [][]byte{spool, spool[:len(spool)-3], append(bytes.Clone(spool), 0xff, 0xff), {0}, {9, 1, 65, 0, 0, 2, 2, 2, 2, 2}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		rows, err := unpacked[row]("x.spool", raw)
		if err != nil {
			require.Contains(t, err.Error(), "x.spool")
			return
		}
		var again []byte
		for i := range rows {
			again = appendPacked(again, new(packer), &rows[i])
		}
		read, err := unpacked[row]("x.spool", again)
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(rows, read))
		_, err = unpacked[reading]("x.spool", raw)
		_ = err // rows of another kind are an error, or rows: only that it ends
	})
}

// FuzzSalvage breaks the folder that a killed run leaves: its spool, and a segment. What comes of it
// is a run that opens, or an error; what there was is not removed where it could not be salvaged.
func FuzzSalvage(f *testing.F) {
	r := toRow("run=x", "One", &harness.Record{Seq: 1, Due: 5, Done: 9, Error: "no"})
	spool := appendPacked(nil, new(packer), &r)
	f.Add(spool, []byte{}, `{"run": "run=x"}`)
	f.Add(spool[:len(spool)-1], []byte("PAR1"), `{"run": "run=x", "scenario": {"warmup_ns": 5}}`)
	f.Add([]byte{}, []byte{}, `{"run": "run=x", "trials": ["run=y"]}`)
	f.Add([]byte{0xff}, []byte{}, `{"run": "../x"}`)
	f.Fuzz(func(t *testing.T, spool, segment []byte, manifest string) {
		root := t.TempDir()
		hidden := filepath.Join(root, ".run=x")
		require.NoError(t, os.Mkdir(hidden, 0o755))
		files := map[string][]byte{"run.json": []byte(manifest), "requests-000000.spool": spool}
		if len(segment) > 0 {
			files = map[string][]byte{"run.json": []byte(manifest), "requests-000000.parquet": segment, "requests-000001.spool": spool}
		}
		for name, data := range files {
			require.NoError(t, os.WriteFile(filepath.Join(hidden, name), data, 0o644))
		}
		dir, err := Salvage(hidden, nil)
		outside, listed := filepath.Glob(filepath.Join(filepath.Dir(root), "*", "run.json"))
		require.NoError(t, listed)
		require.Empty(t, outside, "it stays within its folder")
		if err != nil {
			return
		}
		require.Equal(t, root, filepath.Dir(dir))
		m, _, err := ReadManifest(dir)
		require.NoError(t, err)
		require.Equal(t, harness.StopKilled, m.Stopped.Kind)
		if raw, err := os.ReadFile(filepath.Join(dir, "run.json")); err != nil || !json.Valid(raw) {
			t.Fatalf("%v: %s", err, raw)
		}
	})
}
