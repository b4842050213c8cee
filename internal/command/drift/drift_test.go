package drift

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/command"
)

func TestDrift_looksWhereTheEnvironmentSays(t *testing.T) {
	dir := t.TempDir()
	night(t, filepath.Join(dir, "nightly"), "Chat", 1, "0.31.0", 0.4)
	for _, c := range []struct {
		environ, args []string
		code          int
	}{
		{[]string{"VLLMSPEC_OUT=nightly"}, nil, command.OK},
		{nil, []string{"nightly"}, command.OK},
		{nil, nil, command.Wrong},
	} {
		var out, complaints bytes.Buffer
		code := command.Table{Command()}.Run(command.Call{Args: append([]string{"drift"}, c.args...), Dir: dir, Environ: c.environ, Out: &out, Err: &complaints})
		assert.Equal(t, c.code, code, "%v: %s", c, complaints.String())
		assert.Equal(t, c.code == command.OK, strings.Contains(out.String(), "Chat: 1 run"), out.String())
	}
}

// night stores the run of one night.
func night(t *testing.T, root, scenario string, day int, version string, ttft float64) {
	t.Helper()
	start := time.Date(2026, 11, day, 2, 0, 0, 0, time.UTC)
	folder, err := store.Create(root, store.Name(start, scenario))
	require.NoError(t, err)
	m := store.Manifest{Run: folder.Run(), Start: start}
	m.Scenario.Name, m.Server.Version = scenario, version
	require.NoError(t, folder.WriteJSON("run.json", m))
	require.NoError(t, folder.WriteJSON("verdicts.json", json.RawMessage("[]")))
	figures := []harness.Figure{{Name: "output throughput", Unit: "tokens/s", Value: 900}}
	if !math.IsInf(ttft, 1) {
		figures = append(figures, harness.Figure{Name: "p99 TTFT", Unit: "s", Value: ttft})
	}
	require.NoError(t, folder.WriteFile("bench.txt", store.Bench(scenario, map[string]string{"server version": version}, store.Measured{Figures: figures})))
	_, err = folder.Publish()
	require.NoError(t, err)
}

func TestDrift_namesTheNightOfTheChange(t *testing.T) {
	root := t.TempDir()
	for day := 1; day <= 20; day++ {
		version, ttft := "0.31.0", 0.4
		if day > 14 {
			version, ttft = "0.32.0", 0.44
		}
		night(t, root, "Chat", day, version, ttft+0.001*float64(day%3))
		night(t, root, "Code", day, "0.31.0", 0.4+0.001*float64(day%5))
	}
	var out bytes.Buffer
	worse, err := drift(&out, "", root, false)
	require.NoError(t, err)
	assert.True(t, worse)
	assert.Regexp(t, `^Chat: 20 runs since 2026-11-01\n  run=20261115T020000Z-chat: p99 TTFT is worse: 441 ms, was 401 ms \(\+10\.\d % \[\+9\.\d, \+10\.\d\], p = \S+\); the server went from 0.31.0 to 0.32.0\n  not looked at, for no run has them: p50 TTFT, .*\nCode: 20 runs since 2026-11-01\n  no change was found\n  not looked at, .*\n$`, out.String())

	out.Reset()
	_, err = drift(&out, "", root, true)
	require.NoError(t, err)
	var found struct {
		Scenario, Run, Figure string
		Worse                 bool
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &found), out.String())
	assert.Equal(t, "{Chat run=20261115T020000Z-chat p99 TTFT true}", fmt.Sprint(found))
}

func TestDrift_betterIsNoAlarm(t *testing.T) {
	root := t.TempDir()
	for day := 1; day <= 20; day++ {
		night(t, root, "Chat", day, "0.31.0", map[bool]float64{true: 0.4, false: 0.3}[day < 11]+0.001*float64(day%3))
	}
	var out bytes.Buffer
	worse, err := drift(&out, "", root, false)
	require.NoError(t, err)
	assert.False(t, worse)
	assert.Contains(t, out.String(), "p99 TTFT is better: 301 ms, was 401 ms")
	_, err = drift(&out, "", root+"/none", false)
	assert.Error(t, err)
}

func TestDrift_namesRunsThatLackAFigure(t *testing.T) {
	root := t.TempDir()
	for day := 1; day <= 24; day++ {
		ttft := map[bool]float64{true: 0.4, false: 0.5}[day < 15] + 0.001*float64(day%3)
		if day == 7 || day == 24 || day < 3 { // nobody measured it yet on the first two days
			ttft = math.Inf(1)
		}
		night(t, root, "Chat", day, "0.31.0", ttft)
	}
	var out bytes.Buffer
	worse, err := drift(&out, "", root, false)
	require.NoError(t, err)
	assert.True(t, worse)
	assert.Contains(t, out.String(), "run=20261115T020000Z-chat: p99 TTFT is worse")
	assert.Contains(t, out.String(), "  2 runs, run=20261124T020000Z-chat the newest of them, have no p99 TTFT: too few requests were answered, or it could not be measured\n")
	out.Reset()
	_, err = drift(&out, "", root, true)
	require.NoError(t, err)
	assert.Contains(t, out.String(), `"without":2,"run":"run=20261124T020000Z-chat"`)
}

func TestDrift_tooFewRunsShowNoChange(t *testing.T) {
	root := t.TempDir()
	night(t, root, "Chat", 1, "0.31.0", 0.4)
	var out bytes.Buffer
	worse, err := drift(&out, "", root, false)
	require.NoError(t, err)
	assert.False(t, worse)
	assert.Contains(t, out.String(), "Chat: 1 run since 2026-11-01\n  too few runs: a change shows in 8 or more\n")
	assert.NotContains(t, out.String(), "no change was found")
}
