package ci

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goTest is a go test of its own in a folder.
func goTest(t *testing.T, folder, id string) *Folder {
	t.Helper()
	f, err := Begin(nil, folder, Session{ID: id, Start: id, Process: id})
	require.NoError(t, err)
	return f
}

func (f *Folder) ends(t *testing.T) {
	t.Helper()
	require.NoError(t, f.End(Results{Scenarios: []ScenarioResult{{Scenario: f.session.ID, Path: f.session.ID}}}, nil))
}

// told are the scenarios that the kept results of a folder hold beside the process.
func told(f *Folder) (names []string) {
	kept := f.read()
	for _, r := range kept.beside(kept.of(f.session)).Scenarios {
		names = append(names, r.Scenario)
	}
	slices.Sort(names)
	return names
}

func TestResults_areThoseOfGoTestsAtTheSameTime(t *testing.T) {
	folder := t.TempDir()
	one := goTest(t, folder, "one")
	two := goTest(t, folder, "two")
	one.ends(t)
	assert.FileExists(t, filepath.Join(folder, "junit.xml"), "it does not wait for another go test")
	three := goTest(t, folder, "three")
	two.ends(t)
	assert.Equal(t, []string{"one", "two"}, told(two))
	three.ends(t)
	assert.Equal(t, []string{"three", "two"}, told(three), "the first had ended when this one began")
	four := goTest(t, folder, "four")
	assert.Empty(t, told(four), "results of earlier go tests do not count for a later one")
	assert.NoFileExists(t, filepath.Join(folder, "junit.xml"))
	four.ends(t)
	left, err := filepath.Glob(filepath.Join(folder, runningName+"*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestResults_ofAKilledGoTestAreNotWaitedFor(t *testing.T) {
	folder := t.TempDir()
	killed := goTest(t, folder, "killed")
	killed.alive.Release() // as the system does
	next := goTest(t, folder, "next")
	next.ends(t)
	assert.Equal(t, []string{"next"}, told(next))
	left, err := filepath.Glob(filepath.Join(folder, runningName+"*"))
	require.NoError(t, err)
	assert.Empty(t, left, "its mark is removed")
}
