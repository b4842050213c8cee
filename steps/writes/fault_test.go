package writes_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/disk"
)

const virtual = `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 16 tokens are answered in 4 tokens
    And requests arrive evenly at 20 per second
    When the load runs for 20 requests
    Then these objectives are met:
      | error rate | none |
`

// A fault fails the n-th operation, from 0.
type fault struct {
	n, count int
	with     error
	hit      string
}

func (f *fault) disk() *disk.Disk {
	return &disk.Disk{Fault: func(op disk.Op, path string) error {
		if f.count++; f.count-1 != f.n {
			return nil
		}
		f.hit = fmt.Sprintf("%s %s", op, filepath.Base(path))
		return f.with
	}}
}

// TestEveryOperation_ofAGoTest_canFail is one go test on the mock, in a folder where an earlier one left its
// runs and faces: each operation on the disk fails once. It is never met unless all is stored; what there is
// of it is a run, or becomes one; and no face is half there.
func TestEveryOperation_ofAGoTest_canFail(t *testing.T) {
	errs := []error{syscall.ENOSPC, syscall.EIO, syscall.EACCES, syscall.EMFILE}
	cases, lost, salvaged := 0, 0, 0
	for name, c := range map[string]struct {
		text  string
		every int // how many operations there are between those that fail in CI
	}{
		"one run":      {virtual, 2},
		"several runs": {strings.Replace(virtual, "    When", "    And everything is repeated 2 times\n    When", 1), 8},
	} {
		before := t.TempDir()
		put(t, before, c.text)
		all, passed := &fault{n: -1}, false
		require.NoError(t, run(before, nil, nil, t, &passed), "an earlier go test")
		root := t.TempDir()
		require.NoError(t, os.CopyFS(root, os.DirFS(before)))
		require.NoError(t, run(root, nil, all.disk(), t, &passed))
		require.True(t, passed)
		for n := 0; n < all.count; n++ {
			for i, with := range errs {
				if !*everyFault && (n%c.every != 0 || n/c.every%len(errs) != i) {
					continue
				}
				cases++
				root, f, passed := t.TempDir(), &fault{n: n, with: with}, false
				require.NoError(t, os.CopyFS(root, os.DirFS(before)))
				hang := time.AfterFunc(2*time.Minute, func() { panic(fmt.Sprintf("%s, operation %d: it hangs", name, n)) })
				err := run(root, nil, f.disk(), t, &passed)
				hang.Stop()
				says := fmt.Sprintf("%s, operation %d (%s), %v", name, n, f.hit, with)
				out := filepath.Join(root, "reports", "out")
				faces := isWhole(t, out, says)
				require.FileExists(t, filepath.Join(out, "index.html"), says)
				names, nameErr := store.Names(out)
				require.NoError(t, nameErr)
				if passed && err == nil {
					require.Equal(t, 6, faces, "%s: it is called met", says)
					require.Empty(t, hiddenIn(t, out), "%s: it is called met", says)
				} else {
					require.ErrorContains(t, err, with.Error(), "%s: it is said", says)
				}
				if err != nil && strings.Contains(err.Error(), "what it measured is lost") {
					lost++
				}
				if hidden := hiddenIn(t, out); len(hidden) > 0 {
					require.ErrorContains(t, err, store.Salvaging(hidden[0]), says)
				}
				salvaged += areRuns(t, out, says)
				require.GreaterOrEqual(t, len(names), 1, says)
			}
		}
	}
	t.Logf("%d cases; %d runs in virtual time were lost before their requests were in a file, %d were salvaged", cases, lost, salvaged)
	assert.Greater(t, cases, 50)
	assert.Positive(t, salvaged)
}

// hiddenIn are the folders of runs that were not published. One without a manifest is that of a run that
// never began: there is nothing to salvage, and the next go test removes it.
func hiddenIn(t *testing.T, out string) (hidden []string) {
	t.Helper()
	begun, err := filepath.Glob(filepath.Join(out, ".run=*", "run.json"))
	require.NoError(t, err)
	for _, manifest := range begun {
		hidden = append(hidden, filepath.Dir(manifest))
	}
	return hidden
}
