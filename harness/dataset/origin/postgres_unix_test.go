//go:build unix

package origin_test

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
	"github.com/stretchr/testify/assert"
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

// postgres is the address of a PostgreSQL of the test's own.
func postgres(t *testing.T) string {
	t.Helper()
	server, initialize := programOf("postgres"), programOf("initdb")
	if server == "" || initialize == "" {
		t.Skip("there is no PostgreSQL: apt-get install postgresql")
	}
	folder, err := os.MkdirTemp("/tmp", "vllmspec-pg-") // a socket's path is short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	data := filepath.Join(folder, "data")
	out, err := unprivileged(t, folder, exec.Command(initialize, "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")).CombinedOutput()
	require.NoError(t, err, string(out))
	var log bytes.Buffer
	running := unprivileged(t, folder, exec.Command(server, "-D", data, "-k", folder, "-h", "", "-F"))
	running.Stdout, running.Stderr = &log, &log
	require.NoError(t, running.Start())
	ended := make(chan error, 1)
	go func() { ended <- running.Wait() }()
	t.Cleanup(func() {
		_ = running.Process.Signal(syscall.SIGINT) // a fast shutdown
		<-ended
	})
	address := "postgres://tester:topsecret@/postgres?host=" + folder
	until := time.Now().Add(time.Minute)
	for {
		connection, err := pgx.Connect(context.Background(), address)
		if err == nil {
			_, err = connection.Exec(context.Background(), tables)
			require.NoError(t, err)
			require.NoError(t, connection.Close(context.Background()))
			return address
		}
		select {
		case err := <-ended:
			ended <- err
			require.NoError(t, err, log.String())
		case <-time.After(50 * time.Millisecond):
			require.True(t, time.Now().Before(until), "PostgreSQL does not answer after a minute: %v", err)
		}
	}
}

func TestQuery_ofPostgreSQL(t *testing.T) {
	address := postgres(t)
	ofDatabase(t, address)

	asks, _, err := ask(t, address, `SELECT json_build_array(json_build_object('role', 'user', 'content', question)) AS messages, gen_random_uuid() AS id, now() AS created_at FROM tickets WHERE id = 1`)
	require.NoError(t, err)
	assert.Equal(t, []string{"user: Why?\n"}, asks)
	for query, says := range map[string]string{
		"WITH gone AS (DELETE FROM tickets RETURNING question) SELECT question AS prompt FROM gone": "in a read-only transaction; only queries that read are run",
		"SELECT set_config('transaction_read_only', 'off', true) AS prompt":                         "transaction read-write mode must be set before any query",
		"SELECT id AS id,\n  questio AS prompt\nFROM tickets":                                       `q.sql:2: column "questio" does not exist; Perhaps you meant to reference the column "tickets.question".`,
	} {
		_, _, err := ask(t, address, query)
		assert.ErrorContains(t, err, says, query)
	}
	for database, says := range map[string]string{
		"postgres://other:topsecret@/postgres?host=/nowhere":                          " cannot be reached: ",
		address + "&user=topsecretuser&dbname=gone":                                   "refuses the connection: ",
		"postgres://tester:topsecret@a:b:c/postgres?sslmode=never&password=topsecret": "the address of the database cannot be read",
	} {
		_, _, err := ask(t, database, "SELECT 1 AS prompt")
		if assert.ErrorContains(t, err, says, database) {
			assert.NotContains(t, err.Error(), "topsecret")
		}
	}
	connection, err := pgx.Connect(context.Background(), address)
	require.NoError(t, err)
	defer connection.Close(context.Background())
	var left int
	require.NoError(t, connection.QueryRow(context.Background(), "SELECT count(*) FROM tickets").Scan(&left))
	assert.Equal(t, 3, left, "nothing was written")
}
