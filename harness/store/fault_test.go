package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/disk"
)

// faults are the errors that every operation is made to fail with.
func faults() []error { return []error{syscall.ENOSPC, syscall.EIO, syscall.EACCES, syscall.EMFILE} }

// A faulty disk fails once, at its n-th operation, from 0; never where n is below 0.
type faulty struct {
	n, count int
	with     error
	hit      disk.Op // what failed; "" while nothing did
}

func (f *faulty) disk() *disk.Disk {
	return &disk.Disk{Fault: func(op disk.Op, path string) error {
		if f.count++; f.count-1 != f.n {
			return nil
		}
		f.hit = op
		return f.with
	}}
}

// runFiles are those that a run has beside its requests and samples.
func runFiles() []string { return []string{"run.json", "verdicts.json", "bench.txt", "report.html"} }

// kept brings a run of so many requests, ten in a second, to a disk, as a scenario does. It returns what
// went wrong.
func kept(d *disk.Disk, root string, recs []harness.Record, safe bool) error {
	folder, err := store.CreateOn(d, root, "run=x")
	if err != nil {
		return err
	}
	m := store.Manifest{Run: folder.Run()}
	archive := folder.Archive("a scenario")
	if safe {
		archive, err = folder.SafeArchive("a scenario", m)
	} else {
		err = folder.Begin(m)
	}
	if err != nil {
		return errors.Join(err, folder.Discard())
	}
	var lost []error
	for i, r := range recs {
		lost = append(lost, archive.Record(r))
		if i%10 == 9 {
			time.Sleep(time.Second)
			lost = append(lost, archive.Sample(samples()[0]))
		}
	}
	lost = append(lost, archive.Close())
	m.Requests, m.LengthNS = len(recs), 1e9
	for _, name := range runFiles() {
		if !folder.Measured() || folder.Unwritten() != nil {
			break
		}
		if name == "run.json" {
			lost = append(lost, folder.WriteJSON(name, m))
		} else {
			lost = append(lost, folder.WriteFile(name, []byte("[]\n")))
		}
	}
	_, err = folder.Publish()
	return errors.Join(append(lost, err)...)
}

// isKept holds what is left of such a run: it is there whole, or can be salvaged whole, or did not begin.
// Where it is not safe it may be lost, and then the error says so.
func isKept(t *testing.T, root string, recs []harness.Record, safe bool, wrong error, says string) {
	t.Helper()
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	unstored, isUnstored := errors.AsType[*store.Unstored](wrong)
	switch {
	case len(entries) == 0 || isUnstored && unstored.Lost:
		require.Error(t, wrong, says)
		require.False(t, safe && isUnstored, "%s: lost: %v", says, wrong)
		return
	case entries[0].Name() == "run=x":
		require.False(t, isUnstored, says)
		for _, name := range runFiles() {
			raw, err := os.ReadFile(filepath.Join(root, "run=x", name))
			require.NoError(t, err, says)
			require.NotEmpty(t, raw, says)
		}
	default:
		require.Error(t, wrong, says)
		_, err := store.Salvage(filepath.Join(root, ".run=x"), nil)
		if !isUnstored { // the load never began, and what it left could not be removed
			require.ErrorContains(t, wrong, "remove", says)
			store.Clean(nil, root)
			return
		}
		require.NoError(t, err, says)
		require.ErrorContains(t, wrong, store.Salvaging(filepath.Join(root, ".run=x")), says)
	}
	stored, err := store.Open(filepath.Join(root, "run=x"))
	require.NoError(t, err, says)
	require.Len(t, slices.Collect(stored.Run.Records), len(recs), says)
	require.Equal(t, len(recs), stored.Manifest.Requests, says)
}

// TestEveryOperation_canFailOnce is every create, write, sync, close, rename, removal and look of a run,
// failing in four ways, one at a time.
func TestEveryOperation_canFailOnce(t *testing.T) {
	cases := 0
	for _, safe := range []bool{true, false} {
		all := &faulty{n: -1}
		synctest.Test(t, func(t *testing.T) { require.NoError(t, kept(all.disk(), t.TempDir(), many(50), safe)) })
		for n := range all.count {
			for _, with := range faults() {
				cases++
				root, fault := t.TempDir(), &faulty{n: n, with: with}
				var wrong error
				synctest.Test(t, func(t *testing.T) { wrong = kept(fault.disk(), root, many(50), safe) })
				isKept(t, root, many(50), safe, wrong, fmt.Sprintf("safe %v, operation %d (%s), %v", safe, n, fault.hit, with))
			}
		}
	}
	t.Logf("%d cases", cases)
	assert.Greater(t, cases, 400)
}

// TestEveryOperation_ofALongRun is the same for a run whose requests are written in segments, at
// the operations around them.
func TestEveryOperation_ofALongRun(t *testing.T) {
	recs := many(17_000)
	all := &faulty{n: -1}
	root := t.TempDir()
	var ops []int
	watched := all.disk()
	count := watched.Fault
	watched.Fault = func(op disk.Op, path string) error {
		if op != disk.Write {
			ops = append(ops, all.count)
		}
		return count(op, path)
	}
	synctest.Test(t, func(t *testing.T) { require.NoError(t, kept(watched, root, recs, true)) })
	isKept(t, root, recs, true, nil, "without a fault")
	require.Greater(t, len(ops), 40)
	for i := 10; i < len(ops)-25; i += 2 { // the others are those of a short run
		n := ops[i]
		root, fault := t.TempDir(), &faulty{n: n, with: syscall.ENOSPC}
		var wrong error
		synctest.Test(t, func(t *testing.T) { wrong = kept(fault.disk(), root, recs, true) })
		isKept(t, root, recs, true, wrong, fmt.Sprintf("operation %d (%s)", n, fault.hit))
	}
}

// TestAFullDisk_losesTheLastSecondAtMost is a disk that is full from an operation on and stays so: what was written
// up to a second before is salvaged.
func TestAFullDisk_losesTheLastSecondAtMost(t *testing.T) {
	all := &faulty{n: -1}
	synctest.Test(t, func(t *testing.T) { require.NoError(t, kept(all.disk(), t.TempDir(), many(100), true)) })
	for n := 12; n < all.count; n++ {
		root, count, due := t.TempDir(), 0, 0
		var wrong error
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			d := &disk.Disk{Fault: func(op disk.Op, _ string) error {
				if count++; count <= n || op == disk.Close || op == disk.Remove || op == disk.Look {
					return nil
				}
				if due == 0 {
					due = max(1, int(time.Since(began)/time.Second)*10)
				}
				return syscall.ENOSPC
			}}
			wrong = kept(d, root, many(100), true)
		})
		if _, err := os.Stat(filepath.Join(root, "run=x")); err == nil {
			continue // all of it had been written
		}
		require.Error(t, wrong)
		dir, err := store.Salvage(filepath.Join(root, ".run=x"), nil)
		require.NoError(t, err, "full from operation %d on", n)
		stored, err := store.Open(dir)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, len(slices.Collect(stored.Run.Records)), due-10, "full from operation %d on", n)
	}
	t.Logf("full from each of %d operations on", all.count-12)
}

// TestSalvage_canFailAnywhere fails once at every operation of it; then it is done again.
func TestSalvage_canFailAnywhere(t *testing.T) {
	left := func(t *testing.T) string {
		root := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			folder, err := store.Create(root, "run=x")
			require.NoError(t, err)
			archive, err := folder.SafeArchive("a scenario", store.Manifest{Run: "run=x"})
			require.NoError(t, err)
			for _, r := range many(50) {
				require.NoError(t, archive.Record(r))
			}
			time.Sleep(time.Second)
			require.NoError(t, archive.Sample(samples()[0]))
			store.Kill(archive)
		})
		require.NoError(t, os.WriteFile(filepath.Join(root, ".run=x", ".part-0123456789abcdef"), []byte("half"), 0o600))
		return root
	}
	all := &faulty{n: -1}
	_, err := store.SalvageOn(all.disk(), filepath.Join(left(t), ".run=x"), nil)
	require.NoError(t, err)
	for n := range all.count {
		root, fault := left(t), &faulty{n: n, with: syscall.ENOSPC}
		if _, err := store.SalvageOn(fault.disk(), filepath.Join(root, ".run=x"), nil); err == nil {
			require.DirExists(t, filepath.Join(root, "run=x"))
		}
		if _, err := os.Stat(filepath.Join(root, "run=x")); err != nil {
			_, err := store.Salvage(filepath.Join(root, ".run=x"), nil)
			require.NoError(t, err, "operation %d (%s)", n, fault.hit)
		}
		stored, err := store.Open(filepath.Join(root, "run=x"))
		require.NoError(t, err)
		assert.Len(t, slices.Collect(stored.Run.Records), 50)
		entries, err := os.ReadDir(stored.Dir)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(entries), 5, "%v", entries)
	}
	t.Logf("%d operations", all.count)
}

func TestClean_removesWhatHoldsNothing(t *testing.T) {
	root := t.TempDir()
	alive, err := store.Create(root, "run=alive")
	require.NoError(t, err)
	for name, file := range map[string]string{"run=dead": "", "run=half": ".part-00", "run=whole": "trials.json", "run=begun": "run.json", "run=spool": "requests-000000.spool"} {
		folder, err := store.Create(root, name)
		require.NoError(t, err)
		folder.Leave()
		if file != "" {
			require.NoError(t, os.WriteFile(filepath.Join(root, "."+name, file), nil, 0o600))
		}
	}
	store.Clean(nil, root)
	left, err := filepath.Glob(filepath.Join(root, ".run=*"))
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(root, ".run=alive"), filepath.Join(root, ".run=begun"), filepath.Join(root, ".run=spool")}, left)
	alive.Leave()
}

func TestFolder_isItsProcesssUntilItIsPublished(t *testing.T) {
	root := t.TempDir()
	folder, err := store.Create(root, "run=x")
	require.NoError(t, err)
	archive, err := folder.SafeArchive("a scenario", store.Manifest{Run: "run=x"})
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	_, err = store.Salvage(filepath.Join(root, ".run=x"), nil)
	require.ErrorContains(t, err, "its run is still going on", "it is being judged")
	require.NoError(t, folder.WriteJSON("run.json", store.Manifest{Run: "run=x"}))
	dir, err := folder.Publish()
	require.NoError(t, err)
	assert.NoFileExists(t, filepath.Join(dir, "lock"))
}

// A name may be taken by a run that ended in the same second. The empty folder that was made to find that
// out is no reason to fail: what cannot be removed now is cleaned up later.
func TestCreate_ofATakenName_toleratesAnEmptyFolder(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, kept(nil, root, nil, false))
	d := &disk.Disk{Fault: func(op disk.Op, path string) error {
		if op == disk.Remove && filepath.Base(path) == ".run=x" {
			return syscall.EACCES
		}
		return nil
	}}
	folder, err := store.CreateOn(d, root, "run=x")
	require.NoError(t, err)
	assert.Equal(t, "run=x-2", folder.Run())
	require.NoError(t, folder.Discard())
	store.Clean(nil, root)
	assert.NoDirExists(t, filepath.Join(root, ".run=x"))
}
