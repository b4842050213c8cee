package server

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLockLog_keepsOneForEachProcess(t *testing.T) {
	folder := t.TempDir()
	for i := range 9 {
		path := filepath.Join(folder, fmt.Sprintf("%s%d%s", logBegins, i, logEnds))
		lock, err := LockLog(nil, path)
		require.NoError(t, err)
		assert.FileExists(t, path)
		if i > 0 {
			lock.Release()
		}
	}
	logs, err := filepath.Glob(filepath.Join(folder, "server-*.log"))
	require.NoError(t, err)
	assert.Len(t, logs, logsThatAre+2, "those that ended last, the new one, and the first, which is still written")
	assert.Contains(t, logs[0], "server-0.log")
}
