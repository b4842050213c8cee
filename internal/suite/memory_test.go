package suite_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/suite"
)

// A weighing writer looks at how much memory is in use when a scenario is announced.
type weighing struct {
	line  []byte // as far as it was written
	inUse []uint64
}

func (w *weighing) Write(text []byte) (int, error) {
	for _, c := range text {
		if w.line = append(w.line, c); c != '\n' {
			continue
		}
		if bytes.Contains(w.line, []byte("  Scenario: ")) {
			w.inUse = append(w.inUse, inUse())
		}
		w.line = w.line[:0]
	}
	return len(text), nil
}

func inUse() uint64 {
	runtime.GC()
	runtime.GC() // what the first one freed may have kept other things
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestScenario_isFreedWhenItHasEnded runs one feature of many scenarios on the mock: what one
// of them needed is not kept until the feature ends.
func TestScenario_isFreedWhenItHasEnded(t *testing.T) {
	const scenarios, settled = 8, 3
	feature := "Feature: X\n"
	for n := range scenarios {
		feature += strings.Replace(strings.TrimPrefix(strings.Replace(minute, "1 minute", "20 seconds", 1), "Feature: X\n"), "Scenario: One", fmt.Sprint("Scenario: ", n), 1) + "      | p50 TTFT | at most 30 s |\n\n"
	}
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "features"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "features", "x.feature"), []byte(feature), 0o644))
	env, err := environment.Read(root, nil)
	require.NoError(t, err)
	output := new(weighing)
	s := suite.New(env, time.Time{}, new(suite.Interrupt), output)
	features, err := s.Features()
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		passed, err := s.Run(features[0])
		require.NoError(t, err)
		assert.True(t, passed)
	})
	require.NoError(t, s.Close())
	require.Len(t, output.inUse, scenarios)
	grown := int64(output.inUse[scenarios-1]) - int64(output.inUse[settled])
	each := grown / (scenarios - 1 - settled)
	assert.Less(t, each, int64(300<<10), "bytes that a scenario leaves behind: %v", output.inUse)
}
