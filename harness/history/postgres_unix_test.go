//go:build unix

package history_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// programOf is a program of PostgreSQL's server; "" where there is none.
func programOf(name string) string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if path, err := exec.LookPath(name); err == nil {
		found = append(found, path)
	}
	if found == nil {
		return ""
	}
	return found[len(found)-1]
}

// unprivileged has a command run as a user who is not root, whom PostgreSQL does not serve.
func unprivileged(t *testing.T, folder string, command *exec.Cmd) *exec.Cmd {
	t.Helper()
	command.Dir = folder
	if os.Getuid() != 0 {
		return command
	}
	other, err := user.Lookup("nobody")
	require.NoError(t, err)
	uid, _ := strconv.Atoi(other.Uid)
	gid, _ := strconv.Atoi(other.Gid)
	require.NoError(t, os.Chown(folder, uid, gid))
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return command
}

// A server is a PostgreSQL of the test's own.
type server struct {
	address string
	stop    func() // it goes at once, as one whose machine fails
}

// postgres starts one. It asks for the passwords of all but its owner.
func postgres(t *testing.T) server {
	t.Helper()
	program, initialize := programOf("postgres"), programOf("initdb")
	if program == "" || initialize == "" {
		t.Skip("there is no PostgreSQL: apt-get install postgresql")
	}
	folder, err := os.MkdirTemp("/tmp", "vllmspec-pg-") // a socket's path is short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	data := filepath.Join(folder, "data")
	out, err := unprivileged(t, folder, exec.Command(initialize, "-D", data, "-U", "owner", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")).CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte("local all owner trust\nlocal all all scram-sha-256\n"), 0o644))
	var log bytes.Buffer
	running := unprivileged(t, folder, exec.Command(program, "-D", data, "-k", folder, "-h", "", "-F", "-c", "max_connections=200"))
	running.Stdout, running.Stderr = &log, &log
	require.NoError(t, running.Start())
	ended := make(chan struct{})
	go func() { _ = running.Wait(); close(ended) }()
	stop := func() {
		_ = running.Process.Signal(syscall.SIGQUIT)
		<-ended
	}
	t.Cleanup(stop)
	until := time.Now().Add(time.Minute)
	for owner := "postgres://owner@/postgres?host=" + folder; ; {
		connection, err := pgx.Connect(context.Background(), owner)
		if err == nil {
			for _, statement := range []string{"CREATE ROLE tester LOGIN PASSWORD 'topsecret'", "CREATE DATABASE history OWNER tester"} {
				_, err = connection.Exec(context.Background(), statement)
				require.NoError(t, err)
			}
			require.NoError(t, connection.Close(context.Background()))
			return server{"postgres://tester:topsecret@/history?host=" + folder, stop}
		}
		select {
		case <-ended:
			require.FailNow(t, "PostgreSQL ended", log.String())
		case <-time.After(50 * time.Millisecond):
			require.True(t, time.Now().Before(until), "PostgreSQL does not answer after a minute: %v", err)
		}
	}
}
