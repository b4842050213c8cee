// Package features holds the feature files and the one test that runs them.
package features

import (
	"flag"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/steps"
)

var tags = flag.String("godog.tags", "", "run scenarios with these tags: @a && ~@b, or @a,@b")

// TestFeatures runs every feature: on the mock in a bubble of virtual time, or
// live where the environment names a server.
func TestFeatures(t *testing.T) {
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	env, err := steps.ReadEnvironment(root, os.Environ())
	require.NoError(t, err, "the environment")
	if *tags != "" {
		env.Tags = *tags
	}
	t.Cleanup(func() { neverCached(t, root) })

	deadline, _ := t.Deadline()
	suite := steps.NewSuite(env, deadline, stopOnSignal(t), io.Writer(os.Stdout))
	t.Cleanup(func() { require.NoError(t, suite.Close()) }) // after a panic too
	if terminal, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil && !testing.Verbose() {
		defer terminal.Close()
		suite.ShowProgress(terminal) // go test keeps standard output to itself until the end
	}
	features, err := suite.Features()
	require.NoError(t, err)
	for _, feature := range features {
		t.Run(feature.Path, func(t *testing.T) {
			run := func(t *testing.T) {
				passed, err := suite.Run(feature)
				require.NoError(t, err)
				if !passed {
					t.Errorf("%s: see above", feature.Path)
				}
			}
			if feature.Virtual {
				synctest.Test(t, run)
			} else {
				run(t)
			}
		})
	}
}

// neverCached reads a file that was written just now, for which go test refuses
// to keep the result: a measurement that did not run must not pass as "(cached)".
func neverCached(t *testing.T, root string) {
	folder := filepath.Join(root, "reports", "out")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	last := filepath.Join(folder, ".last-run")
	require.NoError(t, os.WriteFile(last, []byte(time.Now().UTC().Format(time.RFC3339Nano)+"\n"), 0o644))
	_, err := os.ReadFile(last)
	require.NoError(t, err)
}

// stopOnSignal is set by the first Ctrl-C, or SIGTERM, which ends the run
// cleanly; the second one ends the process.
func stopOnSignal(t *testing.T) *atomic.Bool {
	stopped := new(atomic.Bool)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	t.Cleanup(func() { signal.Stop(signals) })
	go func() {
		<-signals
		stopped.Store(true)
		signal.Stop(signals)
	}()
	return stopped
}
