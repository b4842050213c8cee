package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/disk"
)

// failing is a disk whose n-th operation fails, from 0, and how many it was asked for.
func failing(n int, with error) (*disk.Disk, *int) {
	count := new(int)
	return &disk.Disk{Fault: func(disk.Op, string) error {
		if *count++; *count == n+1 {
			return with
		}
		return nil
	}}, count
}

func TestReplace_leavesTheOldFileOrTheNewOne(t *testing.T) {
	for n := 0; ; n++ {
		folder := t.TempDir()
		path := filepath.Join(folder, strings.Repeat("long", 63)+".x") // 254 bytes: there is no room for more in a name
		require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
		d, count := failing(n, syscall.ENOSPC)
		err := d.Replace(path, []byte("new and longer"))
		raw, readErr := os.ReadFile(path)
		require.NoError(t, readErr)
		entries, readErr := os.ReadDir(folder)
		require.NoError(t, readErr)
		assert.Len(t, entries, 1, "nothing is left beside it")
		if n >= *count {
			require.NoError(t, err)
			assert.Equal(t, "new and longer", string(raw))
			assert.Equal(t, 5, n, "create, write, sync, close, rename")
			return
		}
		assert.ErrorIs(t, err, syscall.ENOSPC)
		assert.ErrorContains(t, err, path, "the file that it was to be")
		assert.NotContains(t, err.Error(), ".part-")
		assert.Equal(t, "old", string(raw), "operation %d", n)
	}
}

func TestPoint_movesTheLink(t *testing.T) {
	folder := t.TempDir()
	link := filepath.Join(folder, "latest")
	var d *disk.Disk
	for _, name := range []string{"one", "two"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(name), 0o600))
		require.NoError(t, d.Point(link, name))
		to, err := os.Readlink(link)
		require.NoError(t, err)
		assert.Equal(t, name, to, "it can be moved together with the folder")
		raw, err := os.ReadFile(link)
		require.NoError(t, err)
		assert.Equal(t, name, string(raw))
	}
	failing, _ := failing(0, syscall.EACCES)
	assert.ErrorIs(t, failing.Point(link, "one"), syscall.EACCES)
	require.NoError(t, os.Remove(link))
	require.NoError(t, os.Mkdir(link, 0o755))
	assert.ErrorContains(t, d.Point(link, "one"), link, "a folder of another's is not removed")
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 3, "nothing is left beside it")
}

func TestWrite_keepsWhatCameBeforeAnError(t *testing.T) {
	d, _ := failing(1, syscall.ENOSPC)
	file, err := d.Create(filepath.Join(t.TempDir(), "x"))
	require.NoError(t, err)
	n, err := file.Write([]byte("12345678"))
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.Equal(t, 4, n)
	_, err = file.Write([]byte("5678"))
	require.NoError(t, err)
	raw, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	assert.Equal(t, "12345678", string(raw))
	require.NoError(t, file.Close())
}

func TestSweep_removesWhatWasBeingWritten(t *testing.T) {
	folder := t.TempDir()
	var d *disk.Disk
	_, err := d.Begin(filepath.Join(folder, "x"))
	require.NoError(t, err)
	require.NoError(t, d.Replace(filepath.Join(folder, "y"), nil))
	require.NoError(t, d.Sweep(folder))
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	assert.Equal(t, "y", entries[0].Name())
}

func TestLock_isHeldByOne(t *testing.T) {
	folder := t.TempDir()
	var d *disk.Disk
	path := filepath.Join(folder, "lock")
	first, err := d.Lock(path)
	require.NoError(t, err)
	_, err = d.Lock(path)
	require.ErrorIs(t, err, disk.ErrHeld)
	first.Release()
	second, err := d.Lock(path)
	require.NoError(t, err)
	require.NoError(t, second.RemoveFrom(folder))
	assert.NoFileExists(t, path)
	third, err := d.Lock(path)
	require.NoError(t, err)
	require.NoError(t, second.RemoveFrom(folder), "it is let go of once only")
	assert.FileExists(t, path)
	third.Release()
	var none *disk.Lock
	none.Release()
	require.NoError(t, none.RemoveFrom(folder))
}

func TestExclusive_isOneAtATime(t *testing.T) {
	folder := t.TempDir()
	var inside, overlaps atomic.Int32 // the race detector knows nothing of locks on files
	var d *disk.Disk
	done := make(chan error)
	for range 8 {
		go func() {
			done <- d.Exclusive(folder, func() error {
				if inside.Add(1) > 1 {
					overlaps.Add(1)
				}
				time.Sleep(time.Millisecond) // time for another to come in, if it can
				inside.Add(-1)
				return nil
			})
		}()
	}
	for range 8 {
		require.NoError(t, <-done)
	}
	assert.Zero(t, overlaps.Load(), "two were inside at once")
	wrong := errors.New("wrong")
	assert.ErrorIs(t, d.Exclusive(folder, func() error { return wrong }), wrong)
	assert.Error(t, d.Exclusive(filepath.Join(folder, "none"), func() error { return nil }))
}

func TestThere_cannotAlwaysTell(t *testing.T) {
	folder := t.TempDir()
	var d *disk.Disk
	there, err := d.There(folder)
	assert.True(t, there && err == nil)
	there, err = d.There(filepath.Join(folder, "x"))
	assert.True(t, !there && err == nil)
	_, err = d.There(filepath.Join(folder, strings.Repeat("x", 300)))
	assert.ErrorIs(t, err, syscall.ENAMETOOLONG)
}
