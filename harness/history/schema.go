package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// schemaVersion is that of the tables which this version of vllmspec reads and writes.
const schemaVersion = 1

// migrations bring the tables from one version to the next. What differs between databases stands in
// braces: {serial} is a number that the database gives, {clustered} keeps a table in the order of its key.
func migrations() [][]string {
	return [][]string{{
		`CREATE TABLE runs (
			nr             {serial},
			id             TEXT NOT NULL UNIQUE,
			run            TEXT NOT NULL,
			location       TEXT NOT NULL,
			feature        TEXT NOT NULL,
			scenario       TEXT NOT NULL,
			tag            TEXT NOT NULL,
			target         TEXT NOT NULL,
			model          TEXT NOT NULL,
			gpu            TEXT NOT NULL,
			plan           TEXT NOT NULL,
			series         TEXT NOT NULL GENERATED ALWAYS AS (CASE WHEN tag = '' THEN feature || '` + separator + `' || scenario ELSE tag END
				|| '` + separator + `' || target || '` + separator + `' || model || '` + separator + `' || gpu || '` + separator + `' || plan) STORED,
			file           TEXT NOT NULL,
			place          TEXT NOT NULL,
			started        TEXT NOT NULL,
			seconds        DOUBLE PRECISION NOT NULL,
			requests       BIGINT NOT NULL,
			git_commit     TEXT NOT NULL,
			branch         TEXT NOT NULL,
			tool           TEXT NOT NULL,
			host           TEXT NOT NULL,
			server         TEXT NOT NULL,
			server_version TEXT NOT NULL,
			gpus           TEXT NOT NULL,
			virtual_time   SMALLINT NOT NULL,
			outcome        TEXT NOT NULL,
			stopped        TEXT NOT NULL,
			failure        TEXT NOT NULL,
			part_of        TEXT NOT NULL,
			part           TEXT NOT NULL,
			objective      TEXT NOT NULL,
			value          DOUBLE PRECISION,
			entry          TEXT NOT NULL)`,
		`CREATE INDEX runs_location ON runs (location, run)`,
		`CREATE INDEX runs_series ON runs (series, part_of, started)`,
		`CREATE INDEX runs_started ON runs (started)`,
		`CREATE INDEX runs_titled ON runs (file) WHERE feature <> file`,
		`CREATE INDEX runs_untitled ON runs (file) WHERE feature = file`,
		`CREATE INDEX runs_scenario ON runs (feature, scenario, tag)`,
		`CREATE INDEX runs_tagged ON runs (feature, scenario) WHERE tag <> ''`,
		`CREATE TABLE labels (run BIGINT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, name)){clustered}`,
		`CREATE TABLE objectives (run BIGINT NOT NULL, nr INTEGER NOT NULL, objective TEXT NOT NULL, statistic TEXT NOT NULL, metric TEXT NOT NULL, unit TEXT NOT NULL,
			bound DOUBLE PRECISION NOT NULL, value DOUBLE PRECISION, lo DOUBLE PRECISION, hi DOUBLE PRECISION, n BIGINT NOT NULL, outcome TEXT NOT NULL, PRIMARY KEY (run, nr)){clustered}`,
		`CREATE TABLE figures (run BIGINT NOT NULL, line INTEGER NOT NULL, name TEXT NOT NULL, value DOUBLE PRECISION NOT NULL, lo DOUBLE PRECISION, hi DOUBLE PRECISION,
			PRIMARY KEY (run, line, name)){clustered}`,
		`CREATE TABLE trends (series TEXT NOT NULL PRIMARY KEY, drawn TEXT NOT NULL)`,
	}}
}

// A NewerError says that a newer version of vllmspec made the tables.
type NewerError struct{ Version int }

// Error says what to do.
func (e *NewerError) Error() string {
	return fmt.Sprintf("its schema has version %d, and this version of vllmspec knows %d at most; use a newer one", e.Version, schemaVersion)
}

// migrate brings the tables to the version of this program. Of several processes one does it.
func (d *database) migrate(ctx context.Context) error {
	version, err := d.version(ctx, d.db)
	if err == nil && version == schemaVersion {
		return nil
	}
	return d.within(ctx, func(tx *sql.Tx) error {
		for _, first := range d.kind.begin {
			if _, err := tx.ExecContext(ctx, first); err != nil {
				return err
			}
		}
		version, err := d.version(ctx, tx)
		switch {
		case err != nil:
			return err
		case version > schemaVersion:
			return &NewerError{version}
		}
		for ; version < schemaVersion; version++ {
			for _, statement := range migrations()[version] {
				if _, err := tx.ExecContext(ctx, d.kind.ddl.Replace(statement)); err != nil {
					return err
				}
			}
		}
		_, err = tx.ExecContext(ctx, d.kind.of(`UPDATE schema_version SET version = ?`), version)
		return err
	})
}

// asker is a database, or a transaction in it.
type asker interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// version is that of the tables.
func (d *database) version(ctx context.Context, in asker) (version int, err error) {
	err = in.QueryRowContext(ctx, `SELECT version FROM schema_version`).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return version, err
}

// A kind is how one database differs from another.
type kind struct {
	ddl      *strings.Replacer
	begin    []string // statements with which a migration begins
	numbered bool     // placeholders are $1, $2; not ?
}

func sqliteKind() kind {
	return kind{ddl: strings.NewReplacer("{serial}", "INTEGER PRIMARY KEY", "{clustered}", " WITHOUT ROWID"),
		begin: []string{`CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)`, `INSERT INTO schema_version SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM schema_version)`}}
}

func postgresKind() kind {
	return kind{ddl: strings.NewReplacer("{serial}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "{clustered}", ""), numbered: true,
		begin: []string{`SELECT pg_advisory_xact_lock(7118110112)`,
			`DO $$ BEGIN IF current_schema() IS NULL THEN CREATE SCHEMA vllmspec; END IF; END $$`,
			`CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)`, `INSERT INTO schema_version SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM schema_version)`}}
}

// of is a statement with the placeholders of the database.
func (k kind) of(statement string) string {
	if !k.numbered {
		return statement
	}
	var out strings.Builder
	n := 0
	for _, r := range statement {
		if r == '?' {
			n++
			fmt.Fprintf(&out, "$%d", n)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}
