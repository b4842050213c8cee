package store_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/store"
)

// stored is a run that was written and read back.
func stored(t *testing.T, run *harness.Run) *store.Stored {
	t.Helper()
	folder, err := store.Create(t.TempDir(), "run=x")
	require.NoError(t, err)
	sink := folder.Archive(run.Scenario.Name)
	for r := range run.Records {
		require.NoError(t, sink.Record(r))
	}
	for s := range run.Samples {
		require.NoError(t, sink.Sample(s))
	}
	require.NoError(t, sink.Close())
	require.NoError(t, folder.WriteJSON("run.json", store.NewManifest(folder.Run(), run)))
	require.NoError(t, folder.WriteJSON("verdicts.json", []string{}))
	dir, err := folder.Publish()
	require.NoError(t, err)
	s, err := store.Open(dir)
	require.NoError(t, err)
	return s
}

func emptyRun(s harness.Scenario) *harness.Run {
	return &harness.Run{Scenario: s, Records: slices.Values([]harness.Record(nil)), Samples: slices.Values([]harness.Sample(nil))}
}

func TestLoad_readsBackAsItWas(t *testing.T) {
	think := harness.Think{Mean: time.Second, Deviation: time.Minute, Shape: harness.LogNormal}
	for _, load := range []harness.Load{
		harness.Open{Arrivals: arrival.Poisson{PerSecond: 8}, For: time.Minute},
		harness.Open{Arrivals: arrival.Bursty{PerSecond: 0.3, CV: 3}, Requests: 200, InFlight: 32, Think: think},
		harness.Open{Arrivals: arrival.AtOnce{}, Requests: 200},
		harness.Open{Arrivals: arrival.Staged{Process: arrival.Even{}, Stages: []arrival.Stage{{For: time.Minute, From: 4, To: 16}}}, For: time.Minute},
		harness.Open{InFlight: 3},
		harness.Closed{Users: 12, Think: think, For: time.Hour, Requests: 7},
		harness.Closed{Users: 1},
	} {
		assert.Equal(t, load, stored(t, emptyRun(harness.Scenario{Load: load})).Run.Scenario.Load)
	}
	assert.Nil(t, stored(t, emptyRun(harness.Scenario{})).Run.Scenario.Load)

	trace := harness.Open{Arrivals: arrival.Listed{Name: "azure", Instants: []time.Duration{0, time.Second, 3 * time.Second}, Speed: 2}, For: time.Minute}
	back := stored(t, emptyRun(harness.Scenario{Load: trace})).Run.Scenario.Load
	assert.Equal(t, fmt.Sprint(trace), fmt.Sprint(back))
	assert.Equal(t, trace.Planned(), back.Planned())
	assert.False(t, back.(harness.Open).Steady())
}

// riddles is a dataset; told, it describes itself as data too.
type riddles struct{}

func (riddles) Conversations(*rand.Rand) (iter.Seq[harness.Conversation], error) { return nil, nil }
func (riddles) String() string                                                   { return "riddles of 3 tokens" }

type told struct{ riddles }

func (told) MarshalJSON() ([]byte, error) { return []byte(`{"kind":"riddles","tokens":3}`), nil }

func TestDataset_describesItselfAfterStoring(t *testing.T) {
	for _, d := range []harness.Dataset{riddles{}, told{}} {
		first := stored(t, emptyRun(harness.Scenario{Dataset: d}))
		second := stored(t, first.Run)
		assert.Equal(t, "riddles of 3 tokens", fmt.Sprint(second.Run.Scenario.Dataset))
		assert.Equal(t, first.Manifest.Scenario.DatasetData == nil, second.Manifest.Scenario.DatasetData == nil)
		_, err := second.Run.Scenario.Dataset.Conversations(nil)
		assert.ErrorContains(t, err, "only describes what was asked: riddles of 3 tokens")
	}
	assert.JSONEq(t, `{"kind":"riddles","tokens":3}`, string(stored(t, emptyRun(harness.Scenario{Dataset: told{}})).Manifest.Scenario.DatasetData))
}

// TestOlderFiles_stillOpen takes out of run.json what older versions did not write.
func TestOlderFiles_stillOpen(t *testing.T) {
	s := stored(t, emptyRun(harness.Scenario{Dataset: riddles{}, Load: harness.Open{Arrivals: arrival.Poisson{PerSecond: 8}, For: time.Minute, InFlight: 3}}))
	path := filepath.Join(s.Dir, "run.json")
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var tree map[string]any
	require.NoError(t, json.Unmarshal(raw, &tree))
	scenario := tree["scenario"].(map[string]any)
	delete(scenario, "load_data")
	tree["stopped"] = "abandoned: it was hopeless"
	raw, err = json.Marshal(tree)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, raw, 0o644))
	old, err := store.Open(s.Dir)
	require.NoError(t, err)
	assert.Equal(t, harness.Open{InFlight: 3}, old.Run.Scenario.Load)
	assert.Equal(t, harness.Stop{Kind: harness.StopAbandoned, Detail: "it was hopeless"}, old.Run.Stopped)

	scenario["load_data"] = map[string]any{"kind": "tidal"}
	raw, err = json.Marshal(tree)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, raw, 0o644))
	_, err = store.Open(s.Dir)
	assert.ErrorContains(t, err, `a load of the kind "tidal" is not known to this version`)
}

// filled is a value whose every field holds something.
func filled(v reflect.Value, next *int64) {
	*next++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			filled(v.Field(i), next)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		filled(v.Index(0), next)
		filled(v.Index(1), next)
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *next))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(*next)
	case reflect.Float64:
		v.SetFloat(float64(*next) + 1.0/3)
	}
}

// TestEveryField_isStored fails for a field that was added to a record, or to a run,
// and that nothing stores: what judging a run rests on must be in its files.
func TestEveryField_isStored(t *testing.T) {
	var record harness.Record
	next := int64(0)
	filled(reflect.ValueOf(&record).Elem(), &next)
	sample := harness.Sample{At: 5, Reading: harness.Reading{Source: "server", Series: "x", Labels: map[string]string{"a": "b", "c": ""}, Value: 0.1 + 0.2}}
	run := &harness.Run{
		Scenario: harness.Scenario{Name: "All", Where: "x.feature:3", Sentences: []string{"Given riddles", "| a | b |"}, Seed: 1<<64 - 1, Dataset: store.Dataset{Says: "riddles", Data: json.RawMessage(`{"kind":"riddles"}`)},
			Load: harness.Closed{Users: 3, For: 1}, Interface: harness.Interface{Name: "embeddings", Answers: harness.Pooled}, Warmup: 7, Leftovers: true, Cache: &harness.Cache{Share: 1. / 3}, Abandonment: harness.Abandonment{Share: .1, After: 9}, Labels: map[string]string{"model": "m"}},
		Start: began, Length: 11, From: 12, To: 13, Virtual: true, Requests: 1, Records: slices.Values([]harness.Record{record}), Samples: slices.Values([]harness.Sample{sample}),
		Warnings: harness.Oddities("late"), Stopped: harness.Stop{Kind: harness.StopAbandoned, Detail: "hopeless"},
		Unwatched: map[string]string{"gpu": "none"}, Unread: map[string]string{"server": "refused"},
		Imported:  &harness.Imported{By: "k6", Files: []string{"a.json"}},
		Shortfall: &harness.Shortfall{Cause: harness.ArrivalsEnded, Issued: 3, Lasted: 4}, Salting: "ignored",
	}
	for _, rows := range []*[]harness.Objective{&run.Scenario.Good, &run.Scenario.Objectives} {
		filled(reflect.ValueOf(rows).Elem(), &next)
	}
	of := reflect.ValueOf(*run)
	for i := range of.NumField() {
		require.False(t, of.Field(i).IsZero(), "give Run.%s a value here", of.Type().Field(i).Name)
	}
	of = reflect.ValueOf(run.Scenario)
	for i := range of.NumField() {
		require.False(t, of.Field(i).IsZero(), "give Scenario.%s a value here", of.Type().Field(i).Name)
	}

	back := stored(t, run).Run
	assert.Equal(t, []harness.Record{record}, slices.Collect(back.Records))
	assert.Equal(t, []harness.Sample{sample}, slices.Collect(back.Samples))
	assert.JSONEq(t, string(run.Scenario.Dataset.(store.Dataset).Data), string(back.Scenario.Dataset.(store.Dataset).Data))
	plain := func(r harness.Run) harness.Run {
		r.Records, r.Samples, r.Scenario.Dataset = nil, nil, nil
		return r
	}
	assert.Equal(t, plain(*run), plain(*back))
}
