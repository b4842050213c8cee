package ci

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSession_readsAncestorsAsLinuxHasThem(t *testing.T) {
	proc := t.TempDir()
	for id, p := range map[string][2]string{
		"30": {"30 (slo.test) S 20 30 30 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 9 0 3000 1 2", "slo.test\x00"},
		"20": {"20 (go) S 10 30 30 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 9 0 2000 1 2", "go\x00test\x00"},
		"10": {"10 (a) S (b) R 1 30 30 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 9 0 1000 1 2", "gotestsum\x00--rerun-fails=2\x00"},
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(proc, id), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(proc, id, "stat"), []byte(p[0]), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(proc, id, "cmdline"), []byte(p[1]), 0o644))
	}
	all := ancestors(proc, 30)
	require.Len(t, all, 3, "until one that cannot be read")
	assert.Equal(t, process{20, "go", "2000", []string{"go", "test", ""}}, all[1])
	assert.Equal(t, "a) S (b", all[2].name, "a name may hold anything")
	assert.Nil(t, ancestors(filepath.Join(proc, "none"), 30), "no Linux")
}

func TestSession_joinedByWhatRunsAgainOnly(t *testing.T) {
	for _, p := range []process{
		{name: "gotestsum", args: []string{"gotestsum", "--rerun-fails"}},
		{name: "gotestsum", args: []string{"gotestsum", "-rerun-fails=3", "--packages=./..."}},
	} {
		assert.True(t, p.reruns(), "%v", p)
	}
	for _, p := range []process{
		{name: "gotestsum", args: []string{"gotestsum", "--watch"}},
		{name: "gotestsum", args: []string{"gotestsum", "rerun-fails"}},
		{name: "bash", args: []string{"bash", "-c", "gotestsum --rerun-fails"}},
	} {
		assert.False(t, p.reruns(), "%v", p)
	}
}

func TestSession_isKnownByItsFolder(t *testing.T) {
	assert.Equal(t, "/tmp/go-build123", BuildFolder("/tmp/go-build123/b001/x.test"))
	assert.Empty(t, BuildFolder("/home/go-build/cache/x.test"))
	assert.Empty(t, BuildFolder("/srv/x.test"))
	assert.NotEqual(t, CurrentSession().Process, "")
}
