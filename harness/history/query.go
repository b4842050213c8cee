package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/store"
)

// Known are the names of the runs of a location.
func (d *database) Known(ctx context.Context, location string) (known map[string]bool, err error) {
	together := `group_concat(run, '/')` // one long text is read faster than 10,000 rows
	if d.kind.numbered {
		together = `string_agg(run, '/')`
	}
	var names sql.NullString
	if err := d.db.QueryRowContext(ctx, d.kind.of(`SELECT `+together+` FROM runs WHERE location = ?`), location).Scan(&names); err != nil {
		return nil, d.unusable(err)
	}
	known = make(map[string]bool, 1+strings.Count(names.String, "/"))
	for name := range strings.SplitSeq(names.String, "/") {
		if name != "" {
			known[name] = true
		}
	}
	return known, nil
}

// conditions are those of a query, and what stands in their places.
func (q Query) conditions() (where string, values []any) {
	var all []string
	for _, c := range []struct {
		column, value string
	}{{"series = ?", q.Series}, {"target = ?", q.Target}, {"branch = ?", q.Branch}, {"location = ?", q.Location}} {
		if c.value != "" {
			all, values = append(all, c.column), append(values, c.value)
		}
	}
	named, of := q.named()
	all, values = append(all, named...), append(values, of...)
	switch {
	case store.IsRun(q.Name):
		all, values = append(all, "run = ?"), append(values, q.Name)
	case q.Name != "":
		all, values = append(all, fmt.Sprintf("substr(run, %d) = ?", 1+len(store.Name(time.Time{}, "")))), append(values, q.Name)
	}
	if !q.Before.IsZero() {
		all, values = append(all, "started < ?"), append(values, q.Before.UTC().Format(instant))
	}
	if q.Whole {
		all = append(all, "part_of = ''")
	}
	if q.Listed {
		all = append(all, "(part_of = '' OR NOT EXISTS (SELECT 1 FROM runs g WHERE g.location = runs.location AND g.run = runs.part_of))")
	}
	if q.Ended {
		all = append(all, "stopped = ''")
	}
	if q.Comparable {
		all = append(all, "EXISTS (SELECT 1 FROM figures f WHERE f.run = runs.nr)")
	}
	if len(q.Like) > 0 {
		like, of := q.alike()
		all, values = append(all, like), append(values, of...)
	}
	if all != nil {
		where = " WHERE " + strings.Join(all, " AND ")
	}
	where += " ORDER BY started DESC, run DESC"
	if q.Last > 0 {
		where += fmt.Sprintf(" LIMIT %d", q.Last)
	}
	return where, values
}

// named are the conditions by which runs are of a scenario. A tag stands for feature and scenario, also of the runs from
// before they had it.
func (q Query) named() (all []string, values []any) {
	if q.Feature != "" {
		all, values = append(all, "feature = ?"), append(values, q.Feature)
	}
	if q.Scenario != "" {
		all, values = append(all, "scenario = ?"), append(values, q.Scenario)
	}
	switch {
	case q.Tag != "" && all != nil:
		all, values = []string{"(tag = ? OR tag = '' AND " + strings.Join(all, " AND ") + ")"}, append([]any{q.Tag}, values...)
	case q.Tag != "":
		all, values = []string{"tag = ?"}, []any{q.Tag}
	}
	return all, values
}

// alike is the condition by which runs have the labels that are asked for, and no others but remarks.
func (q Query) alike() (condition string, values []any) {
	labels := store.BenchLabels(q.Like)
	same := strings.TrimSuffix(strings.Repeat("l.name = ? AND l.value = ? OR ", len(labels)), " OR ")
	for range 2 {
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			values = append(values, name, labels[name])
		}
	}
	const these = "(SELECT count(*) FROM labels l WHERE l.run = runs.nr AND "
	return fmt.Sprintf("%s(%s)) = %d AND %ssubstr(l.name, 1, %d) <> '%s' AND NOT (%s)) = 0", these, same, len(labels), these, len(store.Remark), store.Remark, same), values
}

// Runs are those that a query asks for, newest first.
func (d *database) Runs(ctx context.Context, q Query) ([]*Run, error) {
	runs, err := d.runs(ctx, q)
	return runs, d.unusable(err)
}

func (d *database) runs(ctx context.Context, q Query) ([]*Run, error) {
	where, values := q.conditions()
	var runs []*Run
	of := map[int64]*Run{}
	err := d.each(ctx, `SELECT nr, `+strings.Join(columns(), ", ")+` FROM runs`+where, values, func(rows *sql.Rows) error {
		nr, run, err := scanned(rows)
		runs, of[nr] = append(runs, run), run
		return err
	})
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	these := ` WHERE run IN (SELECT nr FROM (SELECT nr FROM runs` + where + `) AS asked)`
	if q.Details {
		if err := d.details(ctx, these, values, of); err != nil {
			return nil, err
		}
	}
	if q.All || q.Figures != nil {
		return runs, d.figures(ctx, q, these, values, of)
	}
	return runs, nil
}

// each calls a function for each row of a query.
func (d *database) each(ctx context.Context, query string, values []any, row func(*sql.Rows) error) (err error) {
	rows, err := d.db.QueryContext(ctx, d.kind.of(query), values...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// scanned is a row of runs.
func scanned(rows *sql.Rows, more ...any) (nr int64, r *Run, err error) {
	r = new(Run)
	var started, entry string
	var seconds float64
	var virtual int
	err = rows.Scan(append([]any{&nr, &r.ID, &r.Name, &r.Location, &r.Feature, &r.Scenario, &r.Tag, &r.Target, &r.Model, &r.GPU, &r.Plan, &r.File, &r.Where, &started, &seconds, &r.Requests, &r.Commit, &r.Branch, &r.Tool, &r.Host,
		&r.Server, &r.Version, &r.GPUs, &virtual, &r.Outcome, &r.Stopped, &r.Failure, &r.PartOf, &r.Part, &r.Objective, &r.Value, &entry}, more...)...)
	r.Start, r.Length, r.Virtual, r.Entry = readTime(started), time.Duration(seconds*float64(time.Second)), virtual == 1, json.RawMessage(entry)
	return nr, r, err
}

// details reads labels and objectives.
func (d *database) details(ctx context.Context, these string, values []any, of map[int64]*Run) error {
	err := d.each(ctx, `SELECT run, name, value FROM labels`+these, values, func(rows *sql.Rows) error {
		var nr int64
		var name, value string
		if err := rows.Scan(&nr, &name, &value); err != nil {
			return err
		}
		if run := of[nr]; run != nil { // else it was put since
			if run.Labels == nil {
				run.Labels = map[string]string{}
			}
			run.Labels[name] = value
		}
		return nil
	})
	if err != nil {
		return err
	}
	return d.each(ctx, `SELECT run, objective, statistic, metric, unit, bound, value, lo, hi, n, outcome FROM objectives`+these+` ORDER BY run, nr`, values, func(rows *sql.Rows) error {
		var nr int64
		var o Objective
		if err := rows.Scan(&nr, &o.Row, &o.Statistic, &o.Metric, &o.Unit, &o.Limit, &o.Value, &o.Lo, &o.Hi, &o.N, &o.Outcome); err != nil {
			return err
		}
		if run := of[nr]; run != nil {
			run.Objectives = append(run.Objectives, o)
		}
		return nil
	})
}

// figures reads figures.
func (d *database) figures(ctx context.Context, q Query, these string, values []any, of map[int64]*Run) error {
	only := ""
	if !q.All {
		only = ` AND name IN ` + places(len(q.Figures))
		values = values[:len(values):len(values)]
		for _, name := range q.Figures {
			values = append(values, name)
		}
	}
	return d.each(ctx, `SELECT run, line, name, value, lo, hi FROM figures`+these+only+` ORDER BY run, line, name`, values, func(rows *sql.Rows) error {
		var nr int64
		var line int
		var f Figure
		if err := rows.Scan(&nr, &line, &f.Name, &f.Value, &f.Lo, &f.Hi); err != nil {
			return err
		}
		run := of[nr]
		if run == nil {
			return nil
		}
		for len(run.Figures) <= line {
			run.Figures = append(run.Figures, nil)
		}
		run.Figures[line] = append(run.Figures[line], f)
		return nil
	})
}

// Series are the latest runs of all series, newest first. Parts of a run group are none of their own.
func (d *database) Series(ctx context.Context) (all []Series, err error) {
	names := strings.Join(columns(), ", r.")
	err = d.each(ctx, `SELECT r.nr, r.`+names+`, s.series, s.count, t.drawn
		FROM (SELECT series, count(*) AS count FROM runs WHERE part_of = '' GROUP BY series) s
		JOIN runs r ON r.nr = (SELECT nr FROM runs n WHERE n.series = s.series AND n.part_of = '' ORDER BY n.started DESC, n.run DESC LIMIT 1)
		LEFT JOIN trends t ON t.series = s.series
		ORDER BY r.started DESC, r.run DESC`, nil, func(rows *sql.Rows) error {
		var s Series
		var drawn sql.NullString
		_, run, err := scanned(rows, &s.Key, &s.Runs, &drawn)
		s.Latest = run
		if drawn.Valid {
			s.Trend = json.RawMessage(drawn.String)
		}
		all = append(all, s)
		return err
	})
	return all, d.unusable(err)
}
