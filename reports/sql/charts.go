package sql

import (
	"fmt"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/metric"
)

// The queries that give what the charts draw from a run's Parquet files, as DuckDB
// understands them. Those of charts over time have a row for each point of each line:
// line, second, value.

// Readings say what of a source's readings all lines of a chart are made of.
type Readings struct {
	Source   string
	Rises    bool    // counters: their rise per second is drawn
	Each     bool    // each GPU has a line of its own
	Greatest bool    // of several label sets the greatest is drawn, not their sum
	Factor   float64 // 0 is 1
}

// A Line is one series, and its name in the chart.
type Line struct{ Name, Series string }

// Sampled gives a chart of what was sampled, in such steps of time; 0 where each reading
// is drawn.
func Sampled(from Readings, lines []Line, step time.Duration) string {
	value := fmt.Sprintf("%s(value)", map[bool]string{true: "max", false: "sum"}[from.Greatest])
	names := quoted(lines[0].Name)
	if from.Each {
		names = fmt.Sprintf("concat(%s, labels['gpu'], ' of ' || labels['host'])", quoted(lines[0].Name+" "))
	}
	of := []string{quoted(lines[0].Series)}
	if len(lines) > 1 {
		names = "case series"
		of = nil
		for _, l := range lines {
			names += fmt.Sprintf(" when %s then %s", quoted(l.Series), quoted(l.Name))
			of = append(of, quoted(l.Series))
		}
		names += " end"
	}
	which := fmt.Sprintf("source = '%s' and series in (%s)", from.Source, strings.Join(of, ", "))
	with := fmt.Sprintf("with readings as (\n  select %s as line, at_ns, %s as value\n  from 'samples.parquet' where %s group by all)", names, value, which)
	if from.Rises {
		with = strings.TrimSuffix(rises(which, false), "\n") + fmt.Sprintf(",\nreadings as (\n  select line, at_ns, sum(rise) over (partition by line order by at_ns) as value from (\n    select %s as line, at_ns, sum(rise) as rise from rises group by all))", names)
	}
	table := "readings"
	if step > 0 {
		table = "drawn"
		with += fmt.Sprintf(",\ndrawn as (\n  select line, min(at_ns) as at_ns, max(value) as value from readings group by line, at_ns // %d)", step.Nanoseconds())
	}
	drawn, window := "value", ""
	if from.Rises {
		drawn = "(value - lag(value) over w) / (at_ns - lag(at_ns) over w) * 1e9"
		window = "\nwindow w as (partition by line order by at_ns) qualify lag(value) over w is not null"
	}
	if f := from.Factor; f != 0 {
		drawn += fmt.Sprintf(" * %g", f)
	}
	return fmt.Sprintf("%s\nselect line, at_ns / 1e9 as second, %s as value\nfrom %s%s order by all", with, drawn, table, window)
}

// An Amount is what comes in the course of a run and is drawn by the second.
type Amount string

// The amounts, by the names of their lines.
const (
	Due          Amount = "due"
	Answered     Amount = "answered"
	Failed       Amount = "failed"
	OutputTokens Amount = "output tokens"
)

// came is when some of it came, and how much.
func (a Amount) came() string {
	of := map[Amount]string{
		Due:          "due_ns as at_ns, 1 as n from 'requests.parquet'",
		Answered:     "done_ns as at_ns, 1 as n from 'requests.parquet' where failure is null",
		Failed:       "greatest(done_ns, due_ns) as at_ns, 1 as n from 'requests.parquet' where failure <> 'given up' and not " + cutSQL,
		OutputTokens: "at_ns, tokens as n from (" + tokensSQL + ")",
	}[a]
	return fmt.Sprintf("select %s as line, %s", quoted(string(a)), of)
}

// Rates gives the rates of what came, a line for each amount, in so many steps of so many
// seconds. The last one ends with the load, which has the length.
func Rates(amounts []Amount, steps int, step, length float64) string {
	var parts, names []string
	for _, amount := range amounts {
		parts = append(parts, amount.came())
		names = append(names, "("+quoted(string(amount))+")")
	}
	return fmt.Sprintf(`with came as (
  %s),
steps as (
  select i, i * %g as second, least(%g, %v - second) as seconds from range(%d) steps(i))
select lines.line, second, coalesce(sum(n), 0) / any_value(seconds) as value
from steps cross join (values %s) lines(line)
left join came on came.line = lines.line and at_ns // %.0f = i
group by lines.line, second order by all`, strings.Join(parts, "\n  union all "), step, step, length, steps, strings.Join(names, ", "), step*1e9)
}

// shares are those at which a distribution takes the quantiles.
const shares = "[i / 200 for i in range(190)] || [0.95 + i / 2000 for i in range(81)] || [0.99 + i / 10000 for i in range(101)]"

// Distribution gives the values at or below which each share lies.
func Distribution(name string, from, to time.Duration) string {
	m, err := metric.Lookup(name)
	if err != nil {
		return ""
	}
	r := asked{from: from, to: to}.relation(m.Source, []string{"mean"})
	return "set variable shares = " + shares + ";\n" + r.with +
		"select unnest(getvariable('shares')) as share, unnest(quantile_cont(value, getvariable('shares'))) as value\nfrom " + r.from
}

// Requests gives the points of the first chart, by each of the metrics that it can show.
func Requests(metrics []metric.Metric) string {
	columns := []string{"seq, class, failure, due_ns / 1e9 as due"}
	for _, m := range metrics {
		columns = append(columns, fmt.Sprintf(`%s as "%s"`, m.PerRequest().StoredShown(), m.Name))
	}
	return "select " + strings.Join(columns, ",\n  ") + "\nfrom 'requests.parquet' order by due_ns, seq"
}

// Failures gives the table of failures.
const Failures = `select failure, count(*) as requests, count(*) / (select count(*) from 'requests.parquet') as share,
  min(due_ns) / 1e9 as first_due, arg_min(error, (due_ns, seq)) as said
from 'requests.parquet' where failure is not null group by failure order by first_due`

// Engines gives the table of engines, but for what their metrics showed.
const Engines = `select replica as engine, count(*) as requests, count(*) / sum(count(*)) over () as share,
  count(*) filter (where failure not in ('given up', 'interrupted', 'unanswered')) as failed,
  quantile_cont(ttft_ns, 0.5) / 1e9 as p50_ttft, quantile_cont(ttft_ns, 0.95) / 1e9 as p95_ttft,
  quantile_cont(e2e_ns, 0.5) filter (where failure is null) / 1e9 as p50_e2e, quantile_cont(e2e_ns, 0.95) filter (where failure is null) / 1e9 as p95_e2e
from 'requests.parquet' where not warmup group by engine order by engine`

// A Query is one that is no chart's and no figure's, and what it gives.
type Query struct{ Gives, SQL string }

// Others are queries that show what else is in the files.
func Others() []Query {
	return []Query{
		{"The tokens of one request", "select unnest(chunk_ns) / 1e9 as at from 'requests.parquet' where seq = 0"},
		{"What was sampled", "select source, series, count(*) from 'samples.parquet' group by all order by all"},
	}
}
