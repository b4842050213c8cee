package features

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/environment"
)

// TestDemo_showsAMissWithItsCause runs what the demo runs, in virtual time.
func TestDemo_showsAMissWithItsCause(t *testing.T) {
	dir := t.TempDir()
	out, path := filepath.Join(dir, "out"), filepath.Join(dir, "demo.feature")
	require.NoError(t, os.WriteFile(path, []byte(demonstration), 0o644))
	var said bytes.Buffer
	call := &command.Call{Dir: dir, Out: &said, Bubble: func(run func()) { synctest.Test(t, func(*testing.T) { run() }) }}
	failed := new(settings).run(call, environment.Place{Root: dir, Dir: dir}, []string{"VLLMSPEC_OUT=" + out, "VLLMSPEC_FEATURES=" + path})
	require.ErrorIs(t, failed, command.ErrShown)
	assert.Contains(t, said.String(), "because the engine stood still")
	said.Reset()
	assert.NoError(t, concluded(call, out, "", failed, true), "it has shown what it was to show")
	assert.Contains(t, said.String(), "the objective was missed, and the report says why.\n"+out)

	broken := errors.New("the disk is full")
	assert.Equal(t, broken, concluded(call, t.TempDir(), "", broken, true), "nothing was measured")
	said.Reset()
	assert.Equal(t, broken, concluded(call, out, latest(out), broken, true), "the missed run is of an earlier call")
	assert.Empty(t, said.String())
}

func TestDemo_measuresTheMockWhateverIsSet(t *testing.T) {
	assert.Equal(t, []string{"PATH=/bin", "VLLMSPEC_TARGET=mock", "VLLMSPEC_OUT=/out", "VLLMSPEC_FEATURES=/f", "VLLMSPEC_DASHBOARD=127.0.0.1:1"},
		demoEnviron([]string{"VLLM_URL=http://127.0.0.1:1", "PATH=/bin", "GODOG_TAGS=@none", "VLLMSPEC_UNKNOWN=warn", "GITHUB_STEP_SUMMARY=x"}, "/out", "/f", "127.0.0.1:1"))
	address, err := freeAddress()
	require.NoError(t, err)
	assert.Contains(t, address, "127.0.0.1:")
}
