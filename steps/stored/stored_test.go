package stored_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/suite"
)

var update = flag.Bool("update", false, "write testdata/verdicts.txt anew")

// TestEveryScenario_judgedAgain runs every feature of this repository once, those of features and
// those of proofs, as `go test ./features` does: each passes. It holds two things of each folder that is stored:
//
// Judged again from its files it gives its verdicts.json, and of several runs its
// trials.json, byte for byte.
//
// Its verdicts, its benchmark lines and its manifest are those of testdata/verdicts.txt,
// where a change is not meant to change them. That file has a line for each folder: its
// outcomes, and digests of the files without times, places and what depends on the
// machine. Where a change is meant, write it anew and look at what is different:
//
//	go test ./steps/stored -update
//
// Floating point is not the same to the last digit on every architecture, so that the
// file is compared on that on which it was written only.
func TestEveryScenario_judgedAgain(t *testing.T) {
	runs := everyFeature(t)
	require.Greater(t, len(runs), 100)
	lines := []string{"# " + runtime.GOARCH}
	for _, dir := range runs {
		again, err := judge.Again(dir)
		if !assert.NoError(t, err) {
			continue
		}
		assert.NoError(t, again.Check())
		if again.Group != nil {
			of, err := store.JSON(again.Group)
			require.NoError(t, err)
			assert.Equal(t, read(t, dir, "trials.json"), string(of), dir)
		}
		lines = append(lines, digest(t, again))
	}
	slices.Sort(lines[1:])
	golden, now := filepath.Join("testdata", "verdicts.txt"), strings.Join(lines, "\n")+"\n"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(now), 0o644))
	}
	raw, err := os.ReadFile(golden)
	require.NoError(t, err)
	before := strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
	if before[0] == lines[0] {
		differ := func(all, others []string) []string {
			return slices.DeleteFunc(slices.Clone(all), func(line string) bool { return slices.Contains(others, line) })
		}
		assert.Equal(t, differ(before, lines), differ(lines, before), "if this is meant: go test ./steps/stored -update")
	}
}

// everyFeature runs the features of this repository, and returns the folders of the runs.
func everyFeature(t *testing.T) (runs []string) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	env, err := environment.Read(root, []string{"VLLMSPEC_FEATURES=features,proofs", "VLLMSPEC_OUT=" + t.TempDir()})
	require.NoError(t, err)
	var output bytes.Buffer
	s := suite.New(env, time.Time{}, new(suite.Interrupt), &output)
	features, err := s.Features()
	require.NoError(t, err)
	for _, feature := range features {
		synctest.Test(t, func(t *testing.T) {
			passed, err := s.Run(feature)
			assert.NoError(t, err, feature.Path)
			assert.True(t, passed, feature.Path)
		})
	}
	require.NoError(t, s.Close())
	if t.Failed() {
		t.Log(output.String())
	}
	names, err := store.Names(env.Out)
	require.NoError(t, err)
	for _, name := range names {
		runs = append(runs, filepath.Join(env.Out, name))
	}
	return runs
}

func read(t *testing.T, dir, name string) string {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return string(raw)
}

// What of a file says when and where a run was, and not what came of it.
var (
	lineOfFeature = regexp.MustCompile(`\.feature:\d+`)
	startOfRun    = regexp.MustCompile(`run=\d{8}T\d{6}Z-`)
)

// byChance reports whether some figures of a run that no row asks for are chance: of
// requests that reach the server at one instant, which is computed first. A proxy sends
// each a second time, thousands come at once, or several are refused together.
func byChance(name string) bool {
	switch name {
	case "requests-that-are-counted-twice", "a-batch-that-waits-for-its-places", "mistakes-cost-nothing-but-an-error":
		return true
	}
	return false
}

// digest is a line about a stored run.
func digest(t *testing.T, r *judge.Rejudged) string {
	var outcomes []string
	for _, v := range r.Verdicts {
		outcomes = append(outcomes, string(v.Outcome))
	}
	var manifest map[string]any
	require.NoError(t, json.Unmarshal([]byte(read(t, r.Dir, "run.json")), &manifest))
	for _, name := range []string{"start", "tool", "host", "feature"} {
		delete(manifest, name)
	}
	plain, err := json.Marshal(manifest)
	require.NoError(t, err)
	sum := func(text string) string {
		text = startOfRun.ReplaceAllString(lineOfFeature.ReplaceAllString(text, ".feature"), "run=")
		return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:12]
	}
	name, bench := startOfRun.ReplaceAllString(r.Manifest.Run, ""), ""
	if byChance(name) {
		bench = name
	} else if _, err := os.Stat(filepath.Join(r.Dir, "bench.txt")); err == nil {
		bench = read(t, r.Dir, "bench.txt")
	}
	return strings.Join([]string{name, "[" + strings.Join(outcomes, " ") + "]", "verdicts " + sum(string(r.Stored)), "bench " + sum(bench), "run " + sum(string(plain))}, "  ")
}
