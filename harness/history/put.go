package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// instant is how times are written: of one width, so that they sort as text.
const instant = "2006-01-02T15:04:05.000000000Z"

// columns of a run, in the order of [Run.values].
func columns() []string {
	return []string{"id", "run", "location", "feature", "scenario", "tag", "target", "model", "gpu", "plan", "file", "place", "started", "seconds", "requests", "git_commit", "branch", "tool", "host",
		"server", "server_version", "gpus", "virtual_time", "outcome", "stopped", "failure", "part_of", "part", "objective", "value", "entry"}
}

func (r *Run) values() []any {
	virtual := 0
	if r.Virtual {
		virtual = 1
	}
	all := []any{r.ID, r.Name, r.Location, r.Feature, r.Scenario, r.Tag, r.Target, r.Model, r.GPU, r.Plan, r.File, r.Where, r.Start.UTC().Format(instant), r.Length.Seconds(), r.Requests, r.Commit, r.Branch, r.Tool, r.Host,
		r.Server, r.Version, r.GPUs, virtual, r.Outcome, r.Stopped, r.Failure, r.PartOf, r.Part, r.Objective, r.Value, string(r.Entry)}
	for i, value := range all {
		if text, is := value.(string); is {
			all[i] = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD") // which PostgreSQL refuses
		}
	}
	return all
}

// Put enters runs, or replaces them, all in one transaction.
func (d *database) Put(ctx context.Context, runs ...*Run) error {
	if len(runs) == 0 {
		return nil
	}
	runs = slices.SortedFunc(slices.Values(runs), func(a, b *Run) int { return strings.Compare(a.ID, b.ID) }) // two writers meet in one order
	return d.unusable(d.within(ctx, func(tx *sql.Tx) error {
		for _, run := range runs {
			if err := d.put(ctx, tx, run); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (d *database) put(ctx context.Context, tx *sql.Tx, run *Run) error {
	if err := d.adopt(ctx, tx, run); err != nil {
		return err
	}
	updates := make([]string, 0, len(columns()))
	for _, column := range columns()[1:] {
		updates = append(updates, column+" = excluded."+column)
	}
	var nr int64
	err := tx.QueryRowContext(ctx, d.kind.of(`INSERT INTO runs (`+strings.Join(columns(), ", ")+`) VALUES `+places(len(columns()))+
		` ON CONFLICT (id) DO UPDATE SET `+strings.Join(updates, ", ")+` RETURNING nr`), run.values()...).Scan(&nr)
	if err != nil {
		return err
	}
	for _, statement := range []string{`DELETE FROM labels WHERE run = ?`, `DELETE FROM objectives WHERE run = ?`, `DELETE FROM figures WHERE run = ?`, `DELETE FROM trends WHERE series = (SELECT series FROM runs WHERE nr = ?)`} {
		if _, err := tx.ExecContext(ctx, d.kind.of(statement), nr); err != nil {
			return err
		}
	}
	var labels, objectives, figures []any
	for _, name := range slices.Sorted(maps.Keys(run.Labels)) {
		labels = append(labels, nr, name, run.Labels[name])
	}
	for i, o := range run.Objectives {
		objectives = append(objectives, nr, i, o.Row, o.Statistic, o.Metric, o.Unit, o.Limit, o.Value, o.Lo, o.Hi, o.N, o.Outcome)
	}
	for line, of := range run.Figures {
		for _, f := range of {
			figures = append(figures, nr, line, f.Name, f.Value, f.Lo, f.Hi)
		}
	}
	for _, table := range []struct {
		into   string
		width  int
		values []any
	}{
		{`labels (run, name, value)`, 3, labels},
		{`objectives (run, nr, objective, statistic, metric, unit, bound, value, lo, hi, n, outcome)`, 12, objectives},
		{`figures (run, line, name, value, lo, hi)`, 6, figures},
	} {
		if err := d.insert(ctx, tx, table.into, table.width, table.values); err != nil {
			return err
		}
	}
	return nil
}

// mostValues is how many of them go in one statement; SQLite takes 32,766 and PostgreSQL 65,535.
const mostValues = 6000

// insert inserts rows of a width.
func (d *database) insert(ctx context.Context, tx *sql.Tx, into string, width int, values []any) error {
	for part := range slices.Chunk(values, mostValues/width*width) {
		rows := strings.TrimSuffix(strings.Repeat(places(width)+",", len(part)/width), ",")
		if _, err := tx.ExecContext(ctx, d.kind.of(`INSERT INTO `+into+` VALUES `+rows), part...); err != nil {
			return err
		}
	}
	return nil
}

// places is "(?,?,?)".
func places(n int) string { return "(" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")" }

// adopt joins runs that were stored without a title, or before their scenario had a tag, to the series of those
// of the same file, or of the same scenario, that have one.
func (d *database) adopt(ctx context.Context, tx *sql.Tx, run *Run) error {
	joined := int64(0)
	join := func(statement string, values ...any) error {
		done, err := tx.ExecContext(ctx, d.kind.of(statement), values...)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		joined += n
		return err
	}
	find := func(into *string, query string, values ...any) error {
		err := tx.QueryRowContext(ctx, d.kind.of(query), values...).Scan(into)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	}
	var err error
	if run.Feature == run.File {
		err = find(&run.Feature, `SELECT feature FROM runs WHERE file = ? AND feature <> file LIMIT 1`, run.File)
	} else {
		err = join(`UPDATE runs SET feature = ? WHERE file = ? AND feature = file`, run.Feature, run.File)
	}
	if err != nil {
		return err
	}
	if run.Tag == "" {
		err = find(&run.Tag, `SELECT tag FROM runs WHERE feature = ? AND scenario = ? AND tag <> '' LIMIT 1`, run.Feature, run.Scenario)
	} else {
		err = join(`UPDATE runs SET tag = ? WHERE feature = ? AND scenario = ? AND tag = ''`, run.Tag, run.Feature, run.Scenario)
	}
	if err == nil && joined > 0 {
		_, err = tx.ExecContext(ctx, `DELETE FROM trends`)
	}
	return err
}

// Remove removes runs of a location by their names.
func (d *database) Remove(ctx context.Context, location string, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	return d.unusable(d.within(ctx, func(tx *sql.Tx) error {
		for part := range slices.Chunk(names, 500) {
			values := []any{location}
			for _, name := range part {
				values = append(values, name)
			}
			of := `IN (SELECT nr FROM runs WHERE location = ? AND run IN ` + places(len(part)) + `)`
			for _, statement := range []string{
				`DELETE FROM trends WHERE series IN (SELECT series FROM runs WHERE nr ` + of + `)`,
				`DELETE FROM labels WHERE run ` + of, `DELETE FROM objectives WHERE run ` + of, `DELETE FROM figures WHERE run ` + of, `DELETE FROM runs WHERE nr ` + of,
			} {
				if _, err := tx.ExecContext(ctx, d.kind.of(statement), values...); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// KeepTrend keeps what was drawn of a series.
func (d *database) KeepTrend(ctx context.Context, series string, drawn json.RawMessage) error {
	_, err := d.db.ExecContext(ctx, d.kind.of(`INSERT INTO trends (series, drawn) VALUES (?, ?) ON CONFLICT (series) DO UPDATE SET drawn = excluded.drawn`), series, string(drawn))
	return d.unusable(err)
}

// readTime is a time as a column has it.
func readTime(text string) time.Time {
	t, _ := time.Parse(instant, text) // we wrote it
	return t
}
