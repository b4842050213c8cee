package origin_test

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/vllmspec/vllmspec/harness/dataset/origin"
	"github.com/vllmspec/vllmspec/internal/redact"
)

const tables = `CREATE TABLE tickets (id INTEGER PRIMARY KEY, question TEXT, bound INTEGER, chat TEXT);
INSERT INTO tickets VALUES (1, 'Why?', 16, '[{"role": "user", "content": "a"}]'), (2, 'How; when?', 32, '[{"role": "user", "content": "b"}]'), (3, '', NULL, 'no JSON');`

// mistakes are queries that cannot be asked, and what is said of them by any database.
func mistakes() map[string]string {
	return map[string]string{
		"DELETE FROM tickets":      "q.sql: the query begins with DELETE; only queries that read are run",
		"-- nothing\n/* at all */": "q.sql: there is no query in it",
		"SELECT question AS prompt FROM tickets;\n\nDROP TABLE tickets":        "q.sql:3: a second statement begins",
		"SELECT id, question AS promt FROM tickets":                            `q.sql: the columns are ["id" "promt"]; did you mean "prompt" by "promt"?`,
		"SELECT id FROM tickets":                                               `q.sql: the columns are ["id"]; one must be named prompt, or messages, with AS`,
		"SELECT chat AS messages FROM tickets ORDER BY id":                     `q.sql: row 3: the messages are "no JSON"; they must be JSON`,
		"SELECT question AS prompt, -1 AS max_tokens FROM tickets ORDER BY id": "rows of q.sql:1: max_tokens is -1; it must be above 0",
		"SELECT question AS prompt, question AS prompt FROM tickets":           `q.sql: two columns are called "prompt"`,
		"SELECT question AS prompt FROM nowhere":                               "nowhere",
	}
}

// ask is what a query asks of a database.
func ask(t *testing.T, database, query string) (asks []string, remarks string, err error) {
	t.Helper()
	o := origins(t, with(t, map[string]string{"q.sql": query}))
	o.Database, o.Hide = database, new(redact.Secrets)
	o.Hide.AddURL(database)
	return drawn(t, o, "q.sql")
}

// ofDatabase holds what is the same with all databases.
func ofDatabase(t *testing.T, database string) {
	t.Helper()
	asks, remarks, err := ask(t, database, "-- the tickets; all of them\nSELECT question AS prompt, bound AS max_tokens, id FROM tickets ORDER BY id;\n")
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"Why?", "How; when?"}, asks)
	assert.Equal(t, "rows of q.sql: 3 prompts: 1 left out (1 with an empty prompt)", remarks)
	asks, _, err = ask(t, database, "WITH early AS (SELECT * FROM tickets WHERE id < 3) SELECT chat AS messages FROM early")
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"user: a\n", "user: b\n"}, asks)
	for query, says := range mistakes() {
		_, _, err := ask(t, database, query)
		if assert.Error(t, err, query) {
			assert.Contains(t, err.Error(), says, query)
			assert.NotContains(t, err.Error(), "topsecret", query)
		}
	}
}

func TestQuery_ofSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?.db")
	address := url.URL{Scheme: "file", Path: path}
	db, err := sql.Open("sqlite", address.String())
	require.NoError(t, err)
	_, err = db.Exec(tables)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	ofDatabase(t, "sqlite:"+path)
	_, _, err = ask(t, "sqlite:"+path, "WITH gone AS (SELECT 1) DELETE FROM tickets RETURNING question AS prompt")
	assert.ErrorContains(t, err, "readonly")
	_, _, err = ask(t, "sqlite:"+path+"x", "SELECT 1 AS prompt")
	assert.ErrorContains(t, err, "no such file")
	_, _, err = ask(t, "", "SELECT 1 AS prompt")
	assert.ErrorContains(t, err, "q.sql: the query needs a database; name one in VLLMSPEC_PROMPTS_DB")

	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, before, after, "nothing was written")
}

func TestQuery_isRunOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Exec(tables)
	require.NoError(t, err)
	o := origins(t, with(t, map[string]string{"q.sql": "SELECT question FROM tickets"}))
	o.Database = "sqlite:" + path
	var said []string
	o.Say = func(line string) { said = append(said, line) }
	first, err := o.Find("q.sql")
	require.NoError(t, err)
	_, err = db.Exec("DELETE FROM tickets")
	require.NoError(t, err)
	again, err := o.Find("q.sql")
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.Equal(t, []string{"Asking the database for the rows of q.sql"}, said)
	asks, _, err := drawn(t, o, "q.sql")
	require.NoError(t, err)
	assert.Len(t, asks, 2)
}

var _ origin.Local = folder("")
