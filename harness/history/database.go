package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
)

// FileName is the index in the folder of the runs.
const FileName = ".history.db"

// longestWait is how long another process that writes is waited for. A hundred may end at once, and SQLite keeps no queue.
const longestWait = 30 * time.Second

// betweenTries is how long a writer that others kept waiting waits more.
const betweenTries = 20 * time.Millisecond

// longestConnect is how long a server is waited for that does not answer.
const longestConnect = 10 * time.Second

// A database is a history in a database, of either kind.
type database struct {
	db    *sql.DB
	kind  kind
	where string // as errors name it, without credentials
}

// An UnusableError says that a history cannot be used now, and why. No credentials are in it.
type UnusableError struct {
	Where string // "the history in PostgreSQL at db.example"
	Why   error
}

// Error is one sentence.
func (e *UnusableError) Error() string { return fmt.Sprintf("%s cannot be used: %v", e.Where, e.Why) }

// Unwrap is why.
func (e *UnusableError) Unwrap() error { return e.Why }

// Open opens the history at an address: postgres://user@host:5432/name, or sqlite: and the path of a file.
func Open(ctx context.Context, address string) (History, error) {
	if path, found := strings.CutPrefix(address, "sqlite:"); found {
		return OpenFile(ctx, path)
	}
	return openPostgres(ctx, address)
}

// Beside opens the index in the folder of the runs, and makes it where there is none.
func Beside(ctx context.Context, folder string) (History, error) {
	return OpenFile(ctx, filepath.Join(folder, FileName))
}

// OpenFile opens a file of SQLite, and makes it where there is none.
func OpenFile(ctx context.Context, path string) (History, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if whole = filepath.ToSlash(whole); !strings.HasPrefix(whole, "/") {
		whole = "/" + whole
	}
	pragmas := url.Values{"_txlock": {"immediate"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", longestWait.Milliseconds()), "journal_mode(WAL)", "synchronous(NORMAL)"}}
	address := url.URL{Scheme: "file", Path: whole, RawQuery: pragmas.Encode()}
	return openSQLite(ctx, address.String(), "the history in "+path)
}

// InMemory is a history that goes with the process.
func InMemory(ctx context.Context) (History, error) {
	return openSQLite(ctx, ":memory:", "the history in memory")
}

func openSQLite(ctx context.Context, address, where string) (History, error) {
	db, err := sql.Open("sqlite", address)
	if err != nil {
		return nil, &UnusableError{where, err}
	}
	db.SetMaxOpenConns(1) // a second one would be another memory, and waits for the first to write anyway
	return opened(ctx, &database{db: db, kind: sqliteKind(), where: where})
}

func openPostgres(ctx context.Context, address string) (History, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil { // it quotes the address
		return nil, &UnusableError{"the history in PostgreSQL", errors.New("its address cannot be read; write postgres://user@host:5432/name")}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = longestConnect
	}
	config.RuntimeParams["application_name"] = "vllmspec"
	if config.RuntimeParams["search_path"] == "" {
		config.RuntimeParams["search_path"] = "vllmspec"
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(1)
	return opened(ctx, &database{db: db, kind: postgresKind(), where: "the history in PostgreSQL at " + config.Host})
}

func opened(ctx context.Context, d *database) (History, error) {
	if err := d.migrate(ctx); err != nil {
		return nil, errors.Join(d.unusable(err), d.db.Close())
	}
	return d, nil
}

// Close lets go of the database.
func (d *database) Close() error { return d.db.Close() }

// within does something in a transaction. While others write, it tries again until the context ends, or for the longest
// wait where that has no deadline: SQLite keeps no queue, and one of many writers may have bad luck for long.
func (d *database) within(ctx context.Context, do func(*sql.Tx) error) error {
	if _, ends := ctx.Deadline(); !ends {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, longestWait)
		defer stop()
	}
	for {
		err := d.once(ctx, do)
		if !isBusy(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(betweenTries):
		}
	}
}

// isBusy reports whether others kept a statement from being carried out.
func isBusy(err error) bool {
	failed, ok := errors.AsType[*sqlite.Error](err)
	return ok && (failed.Code()&0xff == sqliteBusy || failed.Code()&0xff == sqliteProtocol)
}

func (d *database) once(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the error that led to it says why
		return err
	}
	return tx.Commit()
}

// unusable is the error of a database in one sentence, without what gives access to it.
func (d *database) unusable(err error) error {
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		err = errors.New(refused.Message)
	} else if failed, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		err = innermost(failed)
	} else if failed, ok := errors.AsType[*sqlite.Error](err); ok {
		err = sqliteError(failed)
	}
	return &UnusableError{d.where, err}
}

// innermost is the error that the others are about: those around it name the user and the database.
func innermost(err error) error {
	for {
		switch of := err.(type) {
		case interface{ Unwrap() error }:
			inner := of.Unwrap()
			if inner == nil {
				return err
			}
			err = inner
		case interface{ Unwrap() []error }:
			all := of.Unwrap()
			if len(all) == 0 {
				return err
			}
			err = all[len(all)-1]
		default:
			return err
		}
	}
}

// The result codes of SQLite that have a reason of their own.
const (
	sqliteBusy     = 5
	sqliteReadOnly = 8
	sqliteCorrupt  = 11
	sqliteFull     = 13
	sqliteCantOpen = 14
	sqliteProtocol = 15 // of locks, where many open and close the file
	sqliteNotADB   = 26
)

// sqliteError says what SQLite's code means.
func sqliteError(err *sqlite.Error) error {
	switch err.Code() & 0xff {
	case sqliteBusy:
		return fmt.Errorf("another process has held it locked for %v", longestWait)
	case sqliteReadOnly:
		return errors.New("it cannot be written")
	case sqliteFull:
		return errors.New("there is no room for it")
	case sqliteCantOpen:
		return errors.New("the file cannot be opened or made")
	case sqliteCorrupt, sqliteNotADB:
		return errors.New("it is damaged: vllmspec history rebuild makes it anew")
	}
	return err
}
