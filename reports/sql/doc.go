// Package sql gives the queries that yield the figures and the charts of a page from a run's
// Parquet files, as DuckDB understands them: what a reader sees can be computed once more, by
// another program.
package sql
