package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// written is a stored run, with one objective, and where it is.
func written(t testing.TB, root, name string) string {
	t.Helper()
	objective, err := slo.Parse("p50 TTFT", "at most 1 s")
	require.NoError(t, err)
	scenario := harness.Scenario{Name: "One", Seed: 7, Warmup: time.Second, Objectives: []harness.Objective{objective},
		Load: harness.Open{Arrivals: arrival.Poisson{PerSecond: 10}, For: 4 * time.Second, InFlight: 9, Think: harness.Think{Mean: time.Second}}}
	folder, err := store.Create(root, name)
	require.NoError(t, err)
	archive := folder.Archive(scenario.Name)
	for i := range 40 {
		r := harness.NewRecord(i, time.Duration(i)*100*time.Millisecond)
		r.Sent, r.Headers, r.Finish, r.Good = r.Due, r.Due+1e6, "stop", true
		r.Chunks = []time.Duration{r.Due + 20e6, r.Due + 30e6}
		r.Done, r.OutputTokens, r.PromptTokens = r.Chunks[1], 2, 16
		require.NoError(t, archive.Record(r))
	}
	require.NoError(t, archive.Sample(harness.Sample{At: 1e9, Reading: harness.Reading{Source: "server", Series: "vllm:num_requests_running", Value: 3}}))
	require.NoError(t, archive.Close())
	m := store.NewManifest(folder.Run(), &harness.Run{Scenario: scenario, Length: 5e9, From: 1e9, To: 4e9, Virtual: true, Requests: 40,
		Shortfall: &harness.Shortfall{Cause: "arrivals", Issued: 40, Lasted: 4e9, For: 5e9}})
	m.Judged = []store.Asked{{Kind: store.AskedObjectives, Rows: scenario.Objectives}}
	require.NoError(t, folder.WriteJSON("run.json", m))
	dir, err := folder.Publish()
	require.NoError(t, err)
	judged(t, dir)
	return dir
}

func judged(t testing.TB, dir string) {
	t.Helper()
	again, err := judge.Again(dir)
	require.NoError(t, err)
	raw, err := store.JSON(again.Verdicts)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "verdicts.json"), raw, 0o644))
}

// repeated are two runs, and the whole of them, and where that is.
func repeated(t testing.TB, root string) string {
	t.Helper()
	whole := trials.Group{Kind: trials.Repeats, Planned: 2}
	for i, name := range []string{"run=one", "run=two"} {
		dir := written(t, root, name)
		again, err := judge.Again(dir)
		require.NoError(t, err)
		whole.Trials = append(whole.Trials, trials.NewTrial(name, i+1, again.Run, again.Window, again.Verdicts[0].Outcome))
	}
	folder, err := store.Create(root, "run=whole")
	require.NoError(t, err)
	m, _, err := store.ReadManifest(filepath.Join(root, "run=one"))
	require.NoError(t, err)
	m.Run, m.Trials = "run=whole", []string{"run=one", "run=two"}
	require.NoError(t, errors.Join(folder.WriteJSON("run.json", m), folder.WriteJSON("trials.json", whole)))
	dir, err := folder.Publish()
	require.NoError(t, err)
	judged(t, dir)
	return dir
}

// numbers are the places of the numbers of a value of JSON, as names and indices. Elements of a list are
// read alike: of each list these are the numbers of its first element and of its last.
func numbers(value any, at []any) (places [][]any) {
	switch value := value.(type) {
	case json.Number:
		return [][]any{append([]any(nil), at...)}
	case []any:
		for i, one := range value {
			if i == 0 || i == len(value)-1 {
				places = append(places, numbers(one, append(at, i))...)
			}
		}
	case map[string]any:
		for name, one := range value {
			places = append(places, numbers(one, append(at, name))...)
		}
	}
	return places
}

// with is a value of JSON with another number in a place.
func with(t *testing.T, raw []byte, at []any, number string) []byte {
	t.Helper()
	value := decoded(t, raw)
	in := value
	for _, step := range at[:len(at)-1] {
		if name, ok := step.(string); ok {
			in = in.(map[string]any)[name]
		} else {
			in = in.([]any)[step.(int)]
		}
	}
	if name, ok := at[len(at)-1].(string); ok {
		in.(map[string]any)[name] = json.Number(number)
	} else {
		in.([]any)[at[len(at)-1].(int)] = json.Number(number)
	}
	out, err := json.Marshal(value)
	require.NoError(t, err)
	return out
}

func decoded(t *testing.T, raw []byte) (value any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&value))
	return value
}

// TestReport_impossibleNumbersAreRefusedOrShown puts numbers that no run has in place of the numbers of
// stored files. Nothing hangs and nothing panics; a time that cannot be is refused by its name.
func TestReport_impossibleNumbersAreRefusedOrShown(t *testing.T) {
	root := t.TempDir()
	whole := repeated(t, root)
	one := filepath.Join(root, "run=one")
	for _, path := range []string{filepath.Join(one, "run.json"), filepath.Join(one, "verdicts.json"), filepath.Join(whole, "trials.json")} {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		places := numbers(decoded(t, raw), nil)
		require.NotEmpty(t, places, path)
		for _, at := range places {
			for _, number := range []string{"-9223372036854775808", "9223372036854775807"} {
				require.NoError(t, os.WriteFile(path, with(t, raw, at, number), 0o644))
				drawn := drawnInTime(t, filepath.Dir(path), fmt.Sprintf("%s: %v = %s", path, at, number))
				if last := fmt.Sprint(at[len(at)-1]); strings.HasSuffix(last, "_ns") && len(number) > 18 {
					assert.ErrorContains(t, drawn, filepath.Base(path), "%v = %s", at, number)
					assert.ErrorContains(t, drawn, last+" is "+number)
				}
			}
		}
		require.NoError(t, os.WriteFile(path, raw, 0o644))
	}
	for _, dir := range []string{one, whole} {
		_, err := draw(dir)
		assert.NoError(t, err, "all is as it was")
	}
}

// drawnInTime is the error of drawing a run's page.
func drawnInTime(t testing.TB, dir, what string) error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := draw(dir)
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute): // only that it does not hang
		t.Fatalf("%s: there is no end", what)
		return nil
	}
}

// TestReport_refusesNamesThatLeadElsewhere gives a run the names of files outside of its folder.
func TestReport_refusesNamesThatLeadElsewhere(t *testing.T) {
	dir := written(t, t.TempDir(), "run=x")
	path := filepath.Join(dir, "run.json")
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, wrong := range []string{`"run":"../../x"`, `"run":"/etc"`, `"trials":["../x"]`, `"judged":[{"kind":"baseline","rows":[],"file":"../../../etc/passwd"}]`} {
		value := decoded(t, raw).(map[string]any)
		var changed map[string]any
		require.NoError(t, json.Unmarshal([]byte("{"+wrong+"}"), &changed))
		for name, one := range changed {
			value[name] = one
		}
		out, err := json.Marshal(value)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, out, 0o644))
		_, err = draw(dir)
		assert.ErrorContains(t, err, "which is no name of a file or folder", wrong)
	}
}
