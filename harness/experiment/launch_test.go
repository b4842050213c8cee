package experiment

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestServerLogs_areOneForEachProcess(t *testing.T) {
	folder := t.TempDir()
	for i := range 9 {
		s, path := &Session{Out: folder}, filepath.Join(folder, fmt.Sprintf("%s%d%s", logBegins, i, logEnds))
		require.NoError(t, s.lockLog(path))
		assert.FileExists(t, path)
		if i > 0 {
			s.launched.lock.Release()
		}
	}
	logs, err := filepath.Glob(filepath.Join(folder, "server-*.log"))
	require.NoError(t, err)
	assert.Len(t, logs, logsThatAre+2, "those that ended last, the new one, and the first, which is still written")
	assert.Contains(t, logs[0], "server-0.log")
}
