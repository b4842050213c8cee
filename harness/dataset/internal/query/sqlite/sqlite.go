// Package sqlite runs a query against a file of SQLite, which it cannot change.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // SQLite in Go: a build without cgo reads it too
)

// Read runs a query: begin is called with the names of its columns, row with the values of each row.
func Read(ctx context.Context, path, query string, begin func(columns []string) error, row func(values []any) error) (err error) {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if whole = filepath.ToSlash(whole); !strings.HasPrefix(whole, "/") {
		whole = "/" + whole
	}
	address := url.URL{Scheme: "file", Path: whole, RawQuery: "mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(30000)"}
	db, err := sql.Open("sqlite", address.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	if err := begin(columns); err != nil {
		return err
	}
	values, places := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return err
		}
		for i, value := range values {
			if raw, isBlob := value.([]byte); isBlob {
				values[i] = string(raw)
			}
		}
		if err := row(values); err != nil {
			return err
		}
	}
	return rows.Err()
}
