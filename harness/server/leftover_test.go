package server

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSweepOwners_leavesThoseThatLive(t *testing.T) {
	folder := t.TempDir()
	made := func() *os.File {
		file, err := os.CreateTemp(folder, "vllmspec-container-*")
		require.NoError(t, err)
		t.Cleanup(func() { file.Close() })
		return file
	}
	alive, dead, other := made(), made(), folder+"/vllmspec-else"
	require.True(t, lock(alive))
	require.NoError(t, os.WriteFile(other, nil, 0o600))
	sweepOwners(folder, time.Now())
	assert.FileExists(t, dead.Name(), "it may not be locked yet")
	sweepOwners(folder, time.Now().Add(time.Hour))
	assert.NoFileExists(t, dead.Name())
	assert.FileExists(t, alive.Name())
	assert.FileExists(t, other)
}
