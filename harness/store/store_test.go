package store_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/store"
)

var began = time.Date(2026, 11, 23, 22, 15, 3, 0, time.UTC)

// records are one of every kind: answered, failed before anything came, of a
// closed loop, with everything told.
func records() []harness.Record {
	whole := harness.NewRecord(0, 0)
	whole.Sent, whole.Headers, whole.Done, whole.FirstAnswer = 1, 2e6, 40e6, 20e6
	whole.Chunks, whole.ChunkTokens = []time.Duration{10e6, 20e6, 40e6}, []int{1, 2, 1}
	whole.PromptTokens, whole.OutputTokens, whole.CachedTokens, whole.ReasoningTokens = 16, 4, 0, 1
	whole.RequestedPromptTokens, whole.RequestedOutputTokens = 16, 4
	whole.Finish, whole.HTTPStatus, whole.RequestID, whole.Model, whole.Good = "stop", 200, "c-1", "tiny", true
	whole.Full, whole.RequestedMinOutputTokens = true, 2
	refused := harness.NewRecord(2, 5e6)
	refused.Sent, refused.Done, refused.Failure, refused.Error, refused.Warmup = 5e6, 6e6, harness.Refused, "connection refused", true
	refused.Replica = "http://b:8000"
	user := harness.NewRecord(1, 3e6)
	user.User, user.Session, user.Turn, user.Class = 7, 3, 1, "chat"
	user.CountFault, user.Refused = harness.CountFell, true
	return []harness.Record{whole, user, refused}
}

var shortfall = &harness.Shortfall{Cause: harness.DatasetFailed, Issued: 3, Asked: 9, Lasted: 5e6, Users: 2, Error: "the file has changed"}

func samples() []harness.Sample {
	return []harness.Sample{
		{At: 0, Reading: harness.Reading{Source: "server", Series: "vllm:num_requests_running", Labels: map[string]string{"engine": "0"}, Value: 3}},
		{At: 1e9, Reading: harness.Reading{Source: "client", Series: "requests_in_flight", Labels: map[string]string{}, Value: 2}},
	}
}

// write stores the run and returns where.
func write(t *testing.T, root, name string, recs []harness.Record, shuffle bool) string {
	t.Helper()
	folder, err := store.Create(root, name)
	require.NoError(t, err)
	sink := folder.Archive("a scenario")
	recs = slices.Clone(recs)
	if shuffle {
		slices.Reverse(recs)
	}
	for _, r := range recs {
		require.NoError(t, sink.Record(r))
	}
	for _, s := range samples() {
		require.NoError(t, sink.Sample(s))
	}
	require.NoError(t, sink.Close())
	run := &harness.Run{Scenario: harness.Scenario{Name: "a scenario", Seed: 3, Labels: map[string]string{"model": "tiny"}}, Start: began,
		Length: 2e9, To: 2e9, Virtual: true, Shortfall: shortfall, Requests: len(recs), Records: slices.Values(recs), Samples: slices.Values(samples())}
	require.NoError(t, folder.WriteJSON("run.json", store.NewManifest(folder.Run(), run)))
	require.NoError(t, folder.WriteJSON("verdicts.json", []string{}))
	path, err := folder.Publish()
	require.NoError(t, err)
	return path
}

func TestOpen_givesTheRunAsItWas(t *testing.T) {
	dir := write(t, t.TempDir(), store.Name(began, "A scenario"), records(), true)
	stored, err := store.Open(dir)
	require.NoError(t, err)
	assert.Equal(t, records(), slices.Collect(stored.Run.Records), "sorted by due time")
	assert.Equal(t, samples(), slices.Collect(stored.Run.Samples))
	assert.Equal(t, records(), slices.Collect(stored.Run.Records), "and once more")
	assert.Equal(t, "run=20261123T221503Z-a-scenario", stored.Manifest.Run)
	assert.Equal(t, uint64(3), stored.Run.Scenario.Seed)
	assert.True(t, stored.Run.Virtual)
	assert.Equal(t, shortfall, stored.Run.Shortfall)
	assert.Equal(t, 3, stored.Manifest.Requests)
}

func TestColumns_areThoseOfTheContract(t *testing.T) {
	dir := write(t, t.TempDir(), "run=x", records(), false)
	file, err := os.ReadFile(filepath.Join(dir, "requests.parquet"))
	require.NoError(t, err)
	parsed, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	require.NoError(t, err)
	var names []string
	for _, field := range parsed.Schema().Fields() {
		names = append(names, field.Name())
	}
	assert.Equal(t, strings.Fields(`run scenario class seq session turn user due_ns sent_ns headers_ns first_token_ns first_answer_ns
		done_ns ttft_ns tpot_ns e2e_ns lag_ns connecting_ns resolving_ns securing_ns read_delay_ns server_queue_ns server_prefill_ns server_decode_ns chunk_ns chunk_tokens prompt_tokens output_tokens cached_tokens reasoning_tokens
		shareable_tokens requested_prompt_tokens requested_output_tokens finish failure http_status error request_id model requested_model replica warmup good full_length requested_min_output_tokens count_fault refused chunks_known due_unknown inputs validity clip_ns`), names)
}

func TestFolder_sameRunSameBytes(t *testing.T) {
	read := func(dir string) []byte {
		raw, err := os.ReadFile(filepath.Join(dir, "requests.parquet"))
		require.NoError(t, err)
		return raw
	}
	one := read(write(t, t.TempDir(), "run=x", records(), false))
	two := read(write(t, t.TempDir(), "run=x", records(), true))
	assert.Equal(t, one, two, "whatever the order in which requests ended")
}

func TestPublish_aRunAppearsWhole(t *testing.T) {
	root := t.TempDir()
	folder, err := store.Create(root, "run=x")
	require.NoError(t, err)
	require.NoError(t, folder.WriteFile("bench.txt", []byte("x")))
	names, err := store.Names(root)
	require.NoError(t, err)
	assert.Empty(t, names, "nothing is there before it is published")
	path, err := folder.Publish()
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(path, "bench.txt"))
	again, err := store.Create(root, "run=x")
	require.NoError(t, err)
	second, err := again.Publish()
	require.NoError(t, err)
	assert.NotEqual(t, path, second, "a name that is taken is not written over")
	names, err = store.Names(root)
	require.NoError(t, err)
	assert.Equal(t, []string{"run=x-2", "run=x"}, names)
}

func TestOpen_brokenRunSaysWhatIsBroken(t *testing.T) {
	_, err := store.Open(t.TempDir())
	assert.ErrorContains(t, err, "is no stored run")
	dir := write(t, t.TempDir(), "run=x", records(), false)
	require.NoError(t, os.Truncate(filepath.Join(dir, "requests.parquet"), 100))
	_, err = store.Open(dir)
	assert.ErrorContains(t, err, "requests.parquet")
	_, err = store.Create(filepath.Join(dir, "run.json"), "run=x")
	assert.ErrorContains(t, err, "cannot be stored")
}

// TestColumns_areReadByDuckDB asks a tool that is not ours what it finds in them.
func TestColumns_areReadByDuckDB(t *testing.T) {
	if err := exec.Command("python3", "-c", "import duckdb").Run(); err != nil {
		t.Skip("DuckDB is not here; to run this test: pip install duckdb")
	}
	dir := write(t, t.TempDir(), "run=x", records(), false)
	query := func(sql string) (rows [][]any) {
		script := fmt.Sprintf("import duckdb, json, os\nos.chdir(%q)\nprint(json.dumps(duckdb.sql(%q).fetchall()))", dir, sql)
		out, err := exec.Command("python3", "-c", script).CombinedOutput()
		require.NoError(t, err, string(out))
		require.NoError(t, json.Unmarshal(out, &rows))
		return rows
	}
	assert.Equal(t, [][]any{{0.0, 0.0, 10e6, []any{10e6, 20e6, 40e6}, nil, nil, 0.0}, {1.0, 3e6, nil, []any{}, 7.0, nil, nil}, {2.0, 5e6, nil, []any{}, nil, "refused", nil}},
		query("select seq, due_ns, ttft_ns, chunk_ns, user, failure, cached_tokens from 'requests.parquet'"))
	assert.Equal(t, [][]any{{3.0, "0"}}, query("select value, labels['engine'] from 'samples.parquet' where source = 'server'"))
}

func TestSalvage_aRunThatWasKilled(t *testing.T) {
	root := t.TempDir()
	var hidden string
	synctest.Test(t, func(t *testing.T) {
		folder, err := store.Create(root, "run=x")
		require.NoError(t, err)
		run := &harness.Run{Scenario: harness.Scenario{Name: "a scenario", Warmup: 1}, Start: began, Records: slices.Values([]harness.Record(nil))}
		sink, err := folder.SafeArchive("a scenario", store.NewManifest(folder.Run(), run))
		require.NoError(t, err)
		for _, r := range records()[:2] {
			require.NoError(t, sink.Record(r))
		}
		require.NoError(t, sink.Sample(samples()[0]))
		time.Sleep(time.Second)
		require.NoError(t, sink.Sample(samples()[1]))
		time.Sleep(400 * time.Millisecond)
		require.NoError(t, sink.Record(records()[2])) // within the last second: lost
		_, err = store.Salvage(filepath.Join(root, ".run=x"), nil)
		require.ErrorContains(t, err, "its run is still going on")
		store.Kill(sink)
	})
	found, err := filepath.Glob(filepath.Join(root, ".run=x"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	hidden = found[0]
	file, err := os.OpenFile(filepath.Join(hidden, "requests-000000.spool"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString("\x7b\x0arun=x") // cut off in mid-row
	require.NoError(t, err)
	require.NoError(t, file.Close())

	dir, err := store.Salvage(hidden, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "run=x"), dir)
	stored, err := store.Open(dir)
	require.NoError(t, err)
	assert.Equal(t, records()[:2], slices.Collect(stored.Run.Records))
	assert.Equal(t, samples(), slices.Collect(stored.Run.Samples))
	assert.Equal(t, harness.StopKilled, stored.Run.Stopped.Kind)
	assert.Equal(t, time.Second, stored.Run.Length, "until the last that is known")
	assert.Equal(t, []time.Duration{1, 3e6 + 1}, []time.Duration{stored.Run.From, stored.Run.To})
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 4, "%v: nothing of the spool is left", entries)

	_, err = store.Salvage(t.TempDir(), nil)
	assert.ErrorContains(t, err, "is no run that was cut off")
}

func TestSpool_isNotLeftOfARunThatEnds(t *testing.T) {
	root := t.TempDir()
	folder, err := store.Create(root, "run=x")
	require.NoError(t, err)
	sink, err := folder.SafeArchive("a scenario", store.Manifest{Run: folder.Run()})
	require.NoError(t, err)
	for _, r := range records() {
		require.NoError(t, sink.Record(r))
	}
	require.NoError(t, sink.Close())
	path, err := folder.Publish()
	require.NoError(t, err)
	spools, err := filepath.Glob(filepath.Join(path, "*.spool"))
	require.NoError(t, err)
	assert.Empty(t, spools)
}

// many are records in about the order in which they were due, as requests end.
func many(n int) []harness.Record {
	out := make([]harness.Record, n)
	for i := range out {
		at := i
		if ahead := i + i%7*50; ahead < n {
			at = ahead
		}
		out[i] = harness.NewRecord(i, time.Duration(at)*time.Millisecond)
		out[i].Class = "chat"
	}
	return out
}

func TestSegments_ofALongRunAreMerged(t *testing.T) {
	recs := many(40_000)
	root := t.TempDir()
	folder, err := store.Create(root, "run=x")
	require.NoError(t, err)
	archive, err := folder.SafeArchive("a scenario", store.Manifest{Run: folder.Run()})
	require.NoError(t, err)
	for _, r := range recs {
		require.NoError(t, archive.Record(r))
	}
	segments, err := filepath.Glob(filepath.Join(root, ".run=x", "requests-*.parquet"))
	require.NoError(t, err)
	assert.Len(t, segments, 2, "it does not wait for the end with them")
	require.NoError(t, archive.Close())
	slices.SortStableFunc(recs, func(a, b harness.Record) int { return int(a.Due - b.Due) })
	assert.Equal(t, recs, slices.Collect(archive.Records()))
	path, err := folder.Publish()
	require.NoError(t, err)
	assert.Equal(t, recs[:9], slices.Collect(archive.Records())[:9], "also where it lies now")
	entries, err := os.ReadDir(path)
	require.NoError(t, err)
	assert.Len(t, entries, 3, "requests, samples and the manifest: %v", entries)
}

func TestSalvage_aLongRunThatWasKilled(t *testing.T) {
	recs := many(20_000)
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		folder, err := store.Create(root, "run=x")
		require.NoError(t, err)
		archive, err := folder.SafeArchive("a scenario", store.Manifest{Run: folder.Run()})
		require.NoError(t, err)
		for _, r := range recs {
			require.NoError(t, archive.Record(r))
		}
		time.Sleep(time.Second)
		require.NoError(t, archive.Sample(samples()[0]))
		store.Kill(archive)
	})
	found, err := filepath.Glob(filepath.Join(root, ".run=x"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.NoError(t, os.WriteFile(filepath.Join(found[0], "requests-000001.parquet-part"), []byte("PAR1 half of a segment"), 0o600))
	dir, err := store.Salvage(found[0], nil)
	require.NoError(t, err)
	stored, err := store.Open(dir)
	require.NoError(t, err)
	slices.SortStableFunc(recs, func(a, b harness.Record) int { return int(a.Due - b.Due) })
	assert.Equal(t, recs, slices.Collect(stored.Run.Records))
	assert.Equal(t, 20_000, stored.Manifest.Requests)
}

func TestSegments_unreadableOneLosesNothingElse(t *testing.T) {
	root := t.TempDir()
	folder, err := store.Create(root, "run=x")
	require.NoError(t, err)
	archive, err := folder.SafeArchive("a scenario", store.Manifest{Run: folder.Run()})
	require.NoError(t, err)
	for _, r := range many(40_000) {
		require.NoError(t, archive.Record(r))
	}
	first := filepath.Join(root, ".run=x", "requests-000000.parquet")
	whole, err := os.ReadFile(first)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(first, whole[:len(whole)/2], 0o600))
	require.ErrorContains(t, archive.Close(), "requests-000000.parquet")
	assert.FileExists(t, filepath.Join(root, ".run=x", "requests-000001.parquet"), "what is there stays")
	store.Kill(archive)
	_, err = store.Salvage(filepath.Join(root, ".run=x"), nil)
	assert.ErrorContains(t, err, "requests-000000.parquet")
	require.NoError(t, os.WriteFile(first, whole, 0o600))
	dir, err := store.Salvage(filepath.Join(root, ".run=x"), nil)
	require.NoError(t, err)
	stored, err := store.Open(dir)
	require.NoError(t, err)
	assert.Equal(t, 40_000, stored.Manifest.Requests)
}

func TestFolder_twoRunsOfOneNameAtOnce(t *testing.T) {
	root := t.TempDir()
	one, err := store.Create(root, "run=x")
	require.NoError(t, err)
	two, err := store.Create(root, "run=x")
	require.NoError(t, err)
	for _, folder := range []*store.Folder{one, two} {
		_, err := folder.Publish()
		require.NoError(t, err)
	}
	names, err := store.Names(root)
	require.NoError(t, err)
	assert.Equal(t, []string{"run=x-2", "run=x"}, names)
}
