//go:build linux

package guard_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/guard"
)

// patience is how long the tests wait for what takes milliseconds; a machine may be slow.
const patience = 20 * time.Second

// runsAway starts a child in a session of its own, a child of it whose parent ends, and
// says when all of them are there.
const runsAway = `setsid sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000' & (sleep 1000 &) ; echo there; `

func TestMain(m *testing.M) {
	if script := os.Getenv("GUARD_TEST_OWNER"); script != "" {
		own(script)
	}
	os.Exit(m.Run())
}

// own is a process that starts a program and does not stop it.
func own(script string) {
	_, err := guard.Start(guard.Program{Words: []string{"sh", "-c", script}, Env: os.Environ(), Output: os.Stdout})
	fmt.Println("started:", err)
	select {}
}

// said is what a program writes, and says when that contains a word.
type said struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// marked are the processes with a variable in their environment that the test has planted.
func marked(mark string) (all []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		raw, _ := os.ReadFile(file) // of one that has ended, nothing
		if strings.Contains(string(raw), mark) {
			name, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			all = append(all, filepath.Dir(file)+" "+strings.ReplaceAll(string(name), "\x00", " "))
		}
	}
	return all
}

func mark(t *testing.T) string { return "GUARD_TEST_MARK=" + t.Name() + fmt.Sprint(os.Getpid()) + "." }

func start(t *testing.T, script string) (*guard.Process, *said) {
	t.Helper()
	output := new(said)
	p, err := guard.Start(guard.Program{Words: []string{"sh", "-c", script}, Env: append(os.Environ(), mark(t)), Output: output})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.Contains(output.String(), "there") }, patience, 5*time.Millisecond)
	return p, output
}

func within(t *testing.T, p *guard.Process) {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(patience):
		require.FailNow(t, "it has not ended", "%v", marked(mark(t)))
	}
}

func TestGuard_leavesNothingOfAProgram(t *testing.T) {
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, c := range []struct {
		name, script, says string
		ctx                context.Context // it is stopped under this; nil: it ends by itself
	}{
		{"that ends by itself", "exit 3", "exit status 3", nil},
		{"that ends well", "exit 0", "", nil},
		{"that is killed", "kill -9 $$", "signal: killed", nil},
		{"that is asked to end", "wait", "signal: terminated", t.Context()},
		{"that does not listen", "trap '' TERM; while :; do sleep 1; done", "signal: killed", soon},
		{"that is stopped", "kill -STOP $$", "signal: killed", soon},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := start(t, runsAway+c.script)
			if c.ctx != nil {
				assert.NotEmpty(t, marked(mark(t)))
				p.Stop(c.ctx)
				p.Stop(c.ctx) // once more does no harm
			}
			within(t, p)
			assert.Empty(t, marked(mark(t)))
			if c.says == "" {
				assert.NoError(t, p.Err())
			} else {
				assert.EqualError(t, p.Err(), c.says)
			}
		})
	}
}

func TestGuard_hurryShortensAnOrderlyEnd(t *testing.T) {
	p, _ := start(t, "trap '' TERM; echo there; while :; do sleep 1; done")
	polite := make(chan struct{})
	go func() { p.Stop(t.Context()); close(polite) }()
	hurried, cancel := context.WithCancel(t.Context())
	cancel()
	p.Stop(hurried)
	<-polite
	assert.Empty(t, marked(mark(t)))
}

func TestGuard_leavesNothingWhenTheOwnerIsKilled(t *testing.T) {
	for name, script := range map[string]string{
		"while it serves":   "wait",
		"and does not end":  "trap '' TERM; while :; do sleep 1; done",
		"and it is stopped": "kill -STOP $$",
	} {
		t.Run(name, func(t *testing.T) {
			owner := exec.Command(os.Args[0])
			owner.Env = append(os.Environ(), mark(t), "GUARD_TEST_OWNER="+runsAway+script)
			output := new(said)
			owner.Stdout = output
			owner.WaitDelay = patience
			require.NoError(t, owner.Start())
			require.Eventually(t, func() bool { return strings.Contains(output.String(), "there") }, patience, 5*time.Millisecond, output.String())
			require.NoError(t, owner.Process.Signal(syscall.SIGKILL))
			_ = owner.Wait()
			assert.Eventually(t, func() bool { return len(marked(mark(t))) == 0 }, patience, 10*time.Millisecond)
			assert.Empty(t, marked(mark(t)))
		})
	}
}

func TestGuard_survivesSignalsToTheGroup(t *testing.T) {
	p, _ := start(t, "trap '' TERM INT HUP; "+runsAway+"while :; do sleep 1; done")
	for _, process := range marked(mark(t)) {
		if strings.Contains(process, "vllmspec-guard") {
			var id int
			_, err := fmt.Sscanf(process, "/proc/%d ", &id)
			require.NoError(t, err)
			for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
				require.NoError(t, syscall.Kill(id, s))
			}
		}
	}
	hurried, cancel := context.WithCancel(t.Context())
	cancel()
	p.Stop(hurried)
	assert.EqualError(t, p.Err(), "signal: killed", "the guard tells what became of it")
	assert.Empty(t, marked(mark(t)))
}

func TestGuard_leavesWhatAProgramMayLeave(t *testing.T) {
	leave := func(ctx context.Context, script string) error {
		return guard.Run(ctx, guard.Program{Words: []string{"sh", "-c", script}, Env: append(os.Environ(), mark(t)), Leaves: true})
	}
	require.NoError(t, leave(t.Context(), "setsid sleep 1000 >/dev/null 2>&1 & exit 0"))
	left := marked(mark(t))
	require.Len(t, left, 1)
	var agent int
	_, err := fmt.Sscanf(left[0], "/proc/%d ", &agent)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(agent, syscall.SIGKILL))
	require.Eventually(t, func() bool { return len(marked(mark(t))) == 0 }, patience, time.Millisecond)

	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	assert.EqualError(t, leave(soon, runsAway+"wait"), "signal: killed")
	assert.Empty(t, marked(mark(t)))
}

func TestGuard_saysWhyAProgramCannotBeStarted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(file, []byte("no program"), 0o644))
	for program, is := range map[string]error{file: os.ErrPermission, file + "/x": syscall.ENOTDIR, file + "-": os.ErrNotExist, "nowhere-at-all": exec.ErrNotFound} {
		_, err := guard.Start(guard.Program{Words: []string{program}})
		assert.ErrorIs(t, err, is)
	}
}

func TestGuard_givesAProgramItsFolderAndStreams(t *testing.T) {
	dir, out, complaints := t.TempDir(), new(said), new(said)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "here"), []byte("#!/bin/sh\npwd; cat; echo \"$A\" >&2\n"), 0o755))
	p, err := guard.Start(guard.Program{Words: []string{"./here"}, Dir: dir, Env: []string{"A=b"}, Output: out, Errors: complaints})
	require.NoError(t, err)
	within(t, p)
	require.NoError(t, p.Err())
	assert.Equal(t, dir+"\n", out.String(), "and it has no input")
	assert.Equal(t, "b\n", complaints.String())
}
