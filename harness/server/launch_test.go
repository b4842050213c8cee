package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/server"
)

// program is the mock as a program of one word, built once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "vllmspec-test-")
	if err != nil {
		return "", err
	}
	binary, path := filepath.Join(dir, "vllmspec"), filepath.Join(dir, "mockvllm")
	out, err := exec.Command("go", "build", "-o", binary, "../../cmd/vllmspec").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, os.WriteFile(path, []byte("#!/bin/sh\nexec "+binary+" mock \"$@\"\n"), 0o755)
})

func TestMain(m *testing.M) {
	if words := os.Getenv("SERVER_TEST_START"); words != "" {
		startAndWait(strings.Split(words, "\x1f"))
		return
	}
	code := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// startAndWait is a test process that starts a server and does not stop it.
func startAndWait(words []string) {
	launch := server.Launch{Command: words, Log: filepath.Join(os.TempDir(), fmt.Sprintf("server-%d.log", os.Getpid())), Environ: os.Environ()}
	if image := os.Getenv("SERVER_TEST_IMAGE"); image != "" {
		launch.Command, launch.Image = nil, image
	}
	s, err := server.Start(context.Background(), launch)
	if err != nil {
		fmt.Println("not started:", err)
		return
	}
	if os.Getenv("SERVER_TEST_UNGUARDED") != "" {
		killChildren()
	}
	fmt.Println("started", s.URL)
	select {}
}

// killChildren kills the processes that this one has started: its guards.
func killChildren() {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		raw, _ := os.ReadFile(file)
		var pid, parent int
		var state string
		if _, err := fmt.Sscanf(string(raw[bytes.LastIndexByte(raw, ')')+1:]), "%s %d", &state, &parent); err != nil || parent != os.Getpid() {
			continue
		}
		if _, err := fmt.Sscan(string(raw), &pid); err == nil {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func launch(t *testing.T, words ...string) server.Launch {
	t.Helper()
	return server.Launch{Command: words, Environ: os.Environ(), Log: filepath.Join(t.TempDir(), "server.log"), Within: 20 * time.Second}
}

func mockProgram(t *testing.T) string {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	return path
}

func TestWords_areSplitAsAShellSplitsThem(t *testing.T) {
	for line, want := range map[string][]string{
		"":                         nil,
		"vllm serve  m":            {"vllm", "serve", "m"},
		`a "b c" 'd "e' f\ g`:      {"a", "b c", `d "e`, "f g"},
		`--x='{"a": 1}' ""`:        {`--x={"a": 1}`, ""},
		`"\$ \" \n"`:               {`$ " \n`},
		"a\tb\nc":                  {"a", "b", "c"},
		`$HOME ~/m {a,b} *.gguf #`: {"$HOME", "~/m", "{a,b}", "*.gguf", "#"},
	} {
		words, err := server.Words(line)
		require.NoError(t, err, line)
		assert.Equal(t, want, words, line)
	}
	for line, says := range map[string]string{"a 'b": "not closed", `a "b`: "not closed", `a \`: "backslash", "a | b": "shell", "a; b": "shell", "a && b": "shell", "a > b": "shell"} {
		_, err := server.Words(line)
		assert.ErrorContains(t, err, says, line)
	}
}

func TestCommand_isStartedAndStopped(t *testing.T) {
	l := launch(t, mockProgram(t))
	l.Args = []string{"--max-model-len", "2048"}
	var told []string
	l.Progress = func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
	s, err := server.Start(t.Context(), l)
	require.NoError(t, err)
	assert.Equal(t, 200, health(t, s))
	assert.Contains(t, s.URL, "http://127.0.0.1:")
	require.NoError(t, s.Ended())
	require.NotEmpty(t, told)
	assert.Contains(t, told[len(told)-1], "is ready after")
	written, err := s.LogSince(0)
	require.NoError(t, err)
	assert.Contains(t, string(written), s.URL)
	s.Close()
	s.Close() // once more does no harm
	_, err = net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestCommand_keepsThePortThatItNames(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	_, err = server.Start(t.Context(), launch(t, mockProgram(t), "--port", port))
	require.ErrorContains(t, err, "127.0.0.1:"+port+" is taken")
	taken.Close()
	s, err := server.Start(t.Context(), launch(t, mockProgram(t), "--port="+port))
	require.NoError(t, err)
	defer s.Close()
	assert.Equal(t, "http://127.0.0.1:"+port, s.URL)
}

func TestCommand_thatDoesNotServeSaysWhy(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, []byte("no program"), 0o644))
	for says, words := range map[string][]string{
		"there is no program nowhere-at-all":        {"nowhere-at-all", "serve"},
		"plain may not be executed; chmod +x it":    {plain},
		"ended before it was ready (exit status 3)": {"sh", "-c", "echo some last words; exit 3"},
		"some last words":                           {"sh", "-c", "echo some last words; exit 3"},
		"it does not know a flag of VLLM_ARGS":      {mockProgram(t), "--no-such-flag"},
		"it found no GPU; use a machine with one":   {"sh", "-c", "echo RuntimeError: Failed to infer device type >&2; exit 1"},
		"killed, perhaps for want of memory":        {"sh", "-c", "kill -9 $$"},
		"set VLLM_API_KEY instead":                  {"vllm", "serve", "--api-key", "s3cret"},
		"does not listen on a port of this machine": {"vllm", "serve", "--uds", "/tmp/s"},
		"its last lines (all are in ":               {"sh", "-c", "exit 1"},
	} {
		_, err := server.Start(t.Context(), launch(t, words...))
		require.ErrorContains(t, err, says)
		assert.NotContains(t, err.Error(), "s3cret")
	}
	l := launch(t, "sleep", "60")
	l.Command = []string{"sh", "-c", "sleep 60"}
	l.Within = time.Second
	begun := time.Now()
	_, err := server.Start(t.Context(), l)
	require.ErrorContains(t, err, "was not ready within 1s")
	assert.Less(t, time.Since(begun), 15*time.Second)
}

func TestStart_endsWithAnInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	l := launch(t, "sh", "-c", "echo here; sleep 60")
	l.Redact = func(s string) string { // called once it has spoken
		cancel(errors.New("Ctrl-C"))
		return s
	}
	_, err := server.Start(ctx, l)
	assert.ErrorContains(t, err, "interrupted while the server was being started")
}

func TestSecrets_doNotReachTheLog(t *testing.T) {
	l := launch(t, "sh", "-c", `printf 'key s3c'; sleep 0.1; echo ret is here; exec "$@"`, "sh", mockProgram(t))
	l.Redact = func(s string) string { return strings.ReplaceAll(s, "s3cret", "…") }
	s, err := server.Start(t.Context(), l)
	require.NoError(t, err)
	s.Close()
	raw, err := os.ReadFile(l.Log)
	require.NoError(t, err)
	assert.Contains(t, string(raw), "key … is here")
	assert.NotContains(t, string(raw), "s3cret")
}

// running reports whether a process is there and no zombie.
func running(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(raw), ") Z ")
}

// child is what a wrapper starts; the wrapper waits for it, as `uv run` does.
func wrapper(t *testing.T, pids string) []string {
	t.Helper()
	return []string{"/bin/sh", "-c", `m=$1; shift; echo $$ >"$0"; "$m" "$@" & echo $! >>"$0"; wait`, pids, mockProgram(t)}
}

func pidsIn(t *testing.T, path string) (pids []int) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, word := range strings.Fields(string(raw)) {
		pid, err := strconv.Atoi(word)
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	require.Len(t, pids, 2)
	return pids
}

func gone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		assert.Eventually(t, func() bool { return !running(pid) }, 10*time.Second, 20*time.Millisecond, "process %d is left", pid)
	}
}

func TestCommand_leavesNothing(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("processes are looked up in /proc: run this test on Linux")
	}
	t.Run("when it is stopped", func(t *testing.T) {
		pids := filepath.Join(t.TempDir(), "pids")
		s, err := server.Start(t.Context(), launch(t, wrapper(t, pids)...))
		require.NoError(t, err)
		all := pidsIn(t, pids)
		s.Close()
		gone(t, all)
	})
	t.Run("when it ends by itself", func(t *testing.T) {
		pids := filepath.Join(t.TempDir(), "pids")
		s, err := server.Start(t.Context(), launch(t, wrapper(t, pids)...))
		require.NoError(t, err)
		all := pidsIn(t, pids)
		require.NoError(t, syscall.Kill(all[0], syscall.SIGKILL))
		gone(t, all)
		assert.Eventually(t, func() bool { return s.Ended() != nil }, 10*time.Second, 20*time.Millisecond)
		assert.ErrorContains(t, s.Ended(), "has ended (killed")
		s.Close()
	})
	t.Run("when the test is killed", func(t *testing.T) {
		pids := filepath.Join(t.TempDir(), "pids")
		killed(t, "SERVER_TEST_START="+strings.Join(wrapper(t, pids), "\x1f"))
		gone(t, pidsIn(t, pids))
	})
}

// killed runs a test process until it has started its server, and kills it.
func killed(t *testing.T, variables ...string) {
	t.Helper()
	helper := exec.Command(os.Args[0])
	helper.Env = append(append(os.Environ(), "TMPDIR="+t.TempDir()), variables...)
	out, err := helper.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, helper.Start())
	said := make([]byte, 1024)
	n, err := out.Read(said)
	require.NoError(t, err)
	require.NoError(t, helper.Process.Kill())
	helper.Wait()
	require.Contains(t, string(said[:n]), "started http://127.0.0.1:")
}
