package history_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/history"
)

// newer makes the tables of a file those of a newer version.
func newer(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	_, err = db.Exec("UPDATE schema_version SET version = 7")
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

// entered is what entering the runs of a folder says.
func entered(t *testing.T, address, root string) string {
	t.Helper()
	err := history.Enter(context.Background(), address, history.Folder{Path: root}, 20*time.Second)
	if err == nil {
		return ""
	}
	assert.NotContains(t, err.Error(), "secret")
	assert.NotContains(t, err.Error(), "\n")
	return err.Error()
}

func TestEnter_ofPostgreSQLSaysWhatIsWrong(t *testing.T) {
	root := t.TempDir()
	storedRuns(t, root, 0, 3, nil)
	server := postgres(t)
	assert.Empty(t, entered(t, server.address, root))
	h := opened(t, server.address)
	assert.Len(t, found(t, h, history.Query{}), 3)

	wrong := strings.Replace(server.address, "topsecret", "othersecret", 1)
	assert.Regexp(t, `^the history in PostgreSQL at \S+ cannot be used: password authentication failed for user "tester"$`, entered(t, wrong, root))
	assert.Regexp(t, `cannot be used: database "gone" does not exist$`, entered(t, strings.Replace(server.address, "/history?", "/gone?", 1), root))
	assert.Regexp(t, `^the history in PostgreSQL at /nowhere cannot be used: .*no such file or directory$`, entered(t, "postgres://tester:topsecret@/history?host=/nowhere", root))
	assert.Contains(t, entered(t, "postgres://tester:topsecret@a:b:c/x", root), "its address cannot be read; write postgres://user@host:5432/name")

	storedRuns(t, root, 3, 4, nil)
	assert.Contains(t, entered(t, server.address+"&default_transaction_read_only=on", root), "in a read-only transaction")
	db, err := sql.Open("pgx", server.address+"&search_path=vllmspec")
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Exec("UPDATE schema_version SET version = 7")
	require.NoError(t, err)
	assert.Contains(t, entered(t, server.address, root), "its schema has version 7, and this version of vllmspec knows 1 at most")
	_, err = db.Exec("UPDATE schema_version SET version = 1")
	require.NoError(t, err)

	lock, err := db.Begin()
	require.NoError(t, err)
	_, err = lock.Exec("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	err = history.Enter(context.Background(), server.address, history.Folder{Path: root}, time.Second)
	assert.ErrorContains(t, err, "cannot be used: ")
	require.NoError(t, lock.Rollback())
	assert.Empty(t, entered(t, server.address, root), "what was left is entered the next time")
	assert.Len(t, found(t, h, history.Query{}), 4)

	server.stop()
	_, err = h.Runs(context.Background(), history.Query{})
	assert.True(t, history.IsUnusable(err), "%v", err)
	assert.NotEmpty(t, entered(t, server.address, root))
}

func TestEnter_ofSQLiteSaysWhatIsWrong(t *testing.T) {
	root, path := t.TempDir(), filepath.Join(t.TempDir(), "history.db")
	storedRuns(t, root, 0, 3, nil)
	assert.Empty(t, entered(t, "sqlite:"+path, root))
	assert.Contains(t, entered(t, "sqlite:"+filepath.Join(path, "x"), root), "the file cannot be opened or made")

	storedRuns(t, root, 3, 4, nil)
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	require.NoError(t, err)
	lock, err := db.Begin()
	require.NoError(t, err)
	err = history.Enter(context.Background(), "sqlite:"+path, history.Folder{Path: root}, time.Second)
	assert.True(t, history.IsUnusable(err), "%v", err)
	require.NoError(t, lock.Rollback())
	require.NoError(t, db.Close())
	if os.Getuid() != 0 { // who may write everything
		require.NoError(t, os.Chmod(path, 0o444))
		assert.Contains(t, entered(t, "sqlite:"+path, root), "it cannot be written")
		require.NoError(t, os.Chmod(path, 0o644))
	}
	assert.Empty(t, entered(t, "sqlite:"+path, root))
}
