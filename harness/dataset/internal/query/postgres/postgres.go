// Package postgres runs a query against PostgreSQL, in a transaction that only reads.
package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// Read runs a query: begin is called with the names of its columns, row with the values of each row. Where the address
// does not say it, host, user and password are those of PostgreSQL's own variables, PGHOST say, and of its password file.
func Read(ctx context.Context, address, query string, begin func(columns []string) error, row func(values []any) error) (err error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return errors.New("the address of the database cannot be read; write postgres://user@host:5432/name") // the driver's error quotes it
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 30 * time.Second
	}
	if config.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol { // it runs several statements, and one may end the transaction that only reads
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	config.RuntimeParams["application_name"] = "vllmspec"
	connection, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return unreachable(err, config)
	}
	defer func() { err = errors.Join(err, connection.Close(context.WithoutCancel(ctx))) }()
	reading, err := connection.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return placed(err, query)
	}
	defer func() { _ = reading.Rollback(context.WithoutCancel(ctx)) }() // it has changed nothing
	rows, err := reading.Query(ctx, query)
	if err != nil {
		return placed(err, query)
	}
	defer rows.Close()
	if err := placed(each(rows, begin, row), query); err != nil {
		return err
	}
	return placed(rows.Err(), query)
}

// each goes through the rows.
func each(rows pgx.Rows, begin func(columns []string) error, row func(values []any) error) error {
	var columns []string
	for _, field := range rows.FieldDescriptions() {
		columns = append(columns, field.Name)
	}
	if columns != nil { // else the query failed, which its rows say
		if err := begin(columns); err != nil {
			return err
		}
	}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return err
		}
		for i := range values {
			values[i] = plain(values[i])
		}
		if err := row(values); err != nil {
			return err
		}
	}
	return nil
}

// plain is a value that JSON has a form for that a reader knows.
func plain(value any) any {
	switch of := value.(type) {
	case [16]byte:
		return fmt.Sprintf("%x-%x-%x-%x-%x", of[:4], of[4:6], of[6:8], of[8:10], of[10:])
	case []byte:
		return string(of)
	case json.Marshaler, string, bool, int16, int32, int64, float32, float64, nil, map[string]any, []any, time.Time:
		return of
	}
	return fmt.Sprint(value)
}

// unreachable says why there is no connection, without what gives access to it.
func unreachable(err error, config *pgx.ConnConfig) error {
	if of, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("the database at %s refuses the connection: %s", config.Host, of.Message)
	}
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return fmt.Errorf("the database at %s cannot be reached: %w", config.Host, err)
}

// placed is an error of the database with the line of the query that it is about, and what the database advises.
func placed(err error, query string) error {
	of, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	text := of.Message
	if of.Hint != "" {
		text += "; " + of.Hint
	}
	const readOnly = "25006"
	if of.Code == readOnly {
		text += "; only queries that read are run"
	}
	if of.Position == 0 {
		return errors.New(text)
	}
	before := []rune(query)
	before = before[:min(len(before), int(of.Position)-1)]
	return source.AtLine(int64(1+strings.Count(string(before), "\n")), errors.New(text))
}
