package selfcheck

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChild_doesNotOutliveAKilledSelfcheck(t *testing.T) {
	const asked = "SELFCHECK_TEST_PARENT"
	if os.Getenv(asked) != "" { // we are the one to be killed
		runtime.LockOSThread()
		sleeper := child(t.Context(), t.TempDir(), "sleep", "600")
		sleeper.Stdout = os.Stdout
		require.NoError(t, sleeper.Start())
		os.Stdout.WriteString("started\n")
		require.NoError(t, sleeper.Wait())
	}
	ours, theirs, err := os.Pipe()
	require.NoError(t, err)
	defer ours.Close()
	parent := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	parent.Env, parent.Stdout = append(os.Environ(), asked+"=1"), theirs
	require.NoError(t, parent.Start())
	theirs.Close()
	out := bufio.NewReader(ours)
	line, err := out.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "started\n", line)
	require.NoError(t, parent.Process.Kill())
	require.Error(t, parent.Wait())
	require.NoError(t, ours.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err = io.ReadAll(out)
	assert.NoError(t, err, "the pipe ends when nobody holds it any more")
}

func TestChild_endsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	sleeper := child(ctx, t.TempDir(), "sleep", "600")
	require.NoError(t, sleeper.Start())
	cancel()
	assert.ErrorContains(t, sleeper.Wait(), "killed")
}
