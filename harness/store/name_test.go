package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/disk"
)

func TestName_fitsWhateverTheScenarioIsCalled(t *testing.T) {
	assert.Equal(t, "run=20261123T221503Z-a-working-day-s-traffic", store.Name(began, "A working day's traffic"))
	names := map[string]string{}
	for _, character := range []string{"a", "é", "漢", "𠀀", "\xff", "-", "ab-"} {
		for _, n := range []int{1, 33, 40, 78, 79, 80, 81, 90, 500} {
			for _, end := range []string{"", "x"} {
				scenario := strings.Repeat(character, n) + end
				name := store.Name(began, scenario)
				assert.True(t, utf8.ValidString(name), "%q", name)
				assert.LessOrEqual(t, len(name), len("run=20261123T221503Z-")+100)
				if character != "\xff" && character != "-" {
					assert.Empty(t, names[name], "%q and %q have one name", scenario, names[name])
				}
				names[name] = scenario
				folder, err := store.Create(t.TempDir(), name+"-probe-1000")
				require.NoError(t, err)
				path, err := folder.Publish()
				require.NoError(t, err)
				assert.True(t, store.IsRun(filepath.Base(path)))
			}
		}
	}
}

// TestCreate_endsWhereNamesCannotBeLookedFor is for a folder that may not be entered and names that
// are too long: whether a run has a name is not known then, and no other name is better.
func TestCreate_endsWhereNamesCannotBeLookedFor(t *testing.T) {
	root := t.TempDir()
	_, err := store.Create(root, "run="+strings.Repeat("x", 300))
	require.ErrorIs(t, err, syscall.ENAMETOOLONG)
	assert.ErrorContains(t, err, "runs cannot be stored in "+root)
	for _, op := range []disk.Op{disk.Look, disk.Mkdir, disk.Create} {
		for _, wrong := range []error{syscall.EACCES, syscall.EIO, syscall.EMFILE, syscall.ENAMETOOLONG, syscall.ELOOP} {
			d := &disk.Disk{Fault: func(asked disk.Op, _ string) error {
				if asked == op {
					return wrong
				}
				return nil
			}}
			_, err := store.CreateOn(d, root, "run=x")
			require.ErrorIs(t, err, wrong, "%s", op)
			assert.ErrorContains(t, err, "runs cannot be stored in "+root)
		}
	}
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	assert.Empty(t, entries, "nothing is left of what did not begin")
}

func TestIsRun_leadsNowhereElse(t *testing.T) {
	assert.True(t, store.IsRun("run=x"))
	for _, name := range []string{"", "x", "..", "run=../x", "run=x/y", "../run=x", `run=x\..\y`, "/run=x", "run=x\x00"} {
		assert.False(t, store.IsRun(name), "%q", name)
	}
}

func TestSalvage_putsARunNowhereElse(t *testing.T) {
	for name, says := range map[string]string{"../../x": "is no name of a file or folder", "/tmp/run=x": "is no name of a file or folder", ".": "is no name of a file or folder",
		"run=y": `its run.json is that of "run=y"`} {
		root := filepath.Join(t.TempDir(), "a", "b")
		folder, err := store.Create(root, "run=x")
		require.NoError(t, err)
		require.NoError(t, folder.WriteFile("run.json", fmt.Appendf(nil, `{"run": %q}`, name)))
		folder.Leave()
		_, err = store.Salvage(filepath.Join(root, ".run=x"), nil)
		assert.ErrorContains(t, err, says)
		assert.DirExists(t, filepath.Join(root, ".run=x"))
	}
}
