package writes_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/vllmspec/vllmspec/harness/store"
)

// mounted is a file system of its own, of so many bytes.
func mounted(t *testing.T, folder string, size int) {
	t.Helper()
	require.NoError(t, os.MkdirAll(folder, 0o755))
	if err := unix.Mount("none", folder, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("a file system that fills up cannot be mounted here (%v); run this test as root", err)
	}
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(folder, unix.MNT_DETACH)) })
}

// filled leaves so many bytes of it.
func filled(t *testing.T, folder string, leave int) (ballast string) {
	t.Helper()
	var stat unix.Statfs_t
	require.NoError(t, unix.Statfs(folder, &stat))
	ballast = filepath.Join(folder, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, max(0, int(stat.Bavail)*int(stat.Bsize)-leave)), 0o600))
	return ballast
}

// TestDisk_thatFills is a live go test whose output folder has 0 to 608 KiB left, in twenty steps, beside what an
// earlier one left there. It passes only where all was stored; the earlier run stays as it was; and with
// room again, what was measured is made a run of.
func TestDisk_thatFills(t *testing.T) {
	const sizes, step = 20, 32 << 10
	load := strings.NewReplacer("at 20 per second", "at 60 per second", "20 requests", "1 second", "error rate | none", "error rate | at most 50%").Replace(virtual)
	var passed, salvaged atomic.Int64
	inParallel(t, sizes, func(t *testing.T, i int) {
		root, variables := rooted(t, load)
		out := filepath.Join(root, "reports", "out")
		mounted(t, out, 8<<20)
		w := newWatched(t)
		c, output := started(t, root, -1, append(variables, "VLLM_URL="+w.url)...)
		require.NoError(t, c.Wait(), output)
		earlier, err := store.Names(out)
		require.NoError(t, err)
		require.Len(t, earlier, 1)
		before := contents(t, filepath.Join(out, earlier[0]))

		ballast := filled(t, out, i*step)
		c, output = started(t, root, -1, append(variables, "VLLM_URL="+w.url)...)
		wrong := c.Wait()
		says := fmt.Sprintf("%d KiB left", i*step>>10)
		faces, hidden := isWhole(t, out, says), hiddenIn(t, out)
		require.FileExists(t, filepath.Join(out, "index.html"), says)
		require.Equal(t, before, contents(t, filepath.Join(out, earlier[0])), says)
		if wrong == nil {
			passed.Add(1)
			require.Equal(t, 6, faces, says)
			require.Empty(t, hidden, says)
		} else {
			require.Contains(t, output.String(), "no space left on device", says)
		}
		for _, dir := range hidden {
			require.Contains(t, output.String(), store.Salvaging(dir), says)
		}
		require.NoError(t, os.Remove(ballast))
		salvaged.Add(int64(areRuns(t, out, says)))
	})
	t.Logf("%d sizes: %d go tests passed, %d runs were salvaged", sizes, passed.Load(), salvaged.Load())
	assert.Positive(t, passed.Load())
	assert.Positive(t, salvaged.Load())
}

// contents are the files of a folder.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, entry := range entries {
		raw, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		require.NoError(t, err)
		all[entry.Name()] = string(raw)
	}
	return all
}
