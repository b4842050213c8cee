package reports

import (
	"fmt"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/metric"
)

// The queries that give what the charts draw from a run's Parquet files, as DuckDB
// understands them. Those of charts over time have a row for each point of each line:
// line, second, value.

// sql gives a panel of what was sampled, in such steps of time; 0 where each reading
// is drawn.
func (p plan) sql(step time.Duration) string {
	value := fmt.Sprintf("%s(value)", map[bool]string{true: "max", false: "sum"}[p.of.over == "max"])
	names := quoted(p.lines[0].name)
	if p.of.each {
		names = fmt.Sprintf("concat(%s, labels['gpu'], ' of ' || labels['host'])", quoted(p.lines[0].name+" "))
	}
	of := []string{quoted(p.lines[0].series)}
	if len(p.lines) > 1 {
		names = "case series"
		of = nil
		for _, l := range p.lines {
			names += fmt.Sprintf(" when %s then %s", quoted(l.series), quoted(l.name))
			of = append(of, quoted(l.series))
		}
		names += " end"
	}
	which := fmt.Sprintf("source = '%s' and series in (%s)", p.of.source, strings.Join(of, ", "))
	with := fmt.Sprintf("with readings as (\n  select %s as line, at_ns, %s as value\n  from 'samples.parquet' where %s group by all)", names, value, which)
	if p.of.rises {
		with = strings.TrimSuffix(risesSQL(which, false), "\n") + fmt.Sprintf(",\nreadings as (\n  select line, at_ns, sum(rise) over (partition by line order by at_ns) as value from (\n    select %s as line, at_ns, sum(rise) as rise from rises group by all))", names)
	}
	from := "readings"
	if step > 0 {
		from = "drawn"
		with += fmt.Sprintf(",\ndrawn as (\n  select line, min(at_ns) as at_ns, max(value) as value from readings group by line, at_ns // %d)", step.Nanoseconds())
	}
	drawn, window := "value", ""
	if p.of.rises {
		drawn = "(value - lag(value) over w) / (at_ns - lag(at_ns) over w) * 1e9"
		window = "\nwindow w as (partition by line order by at_ns) qualify lag(value) over w is not null"
	}
	if f := p.of.factor; f != 0 {
		drawn += fmt.Sprintf(" * %g", f)
	}
	return fmt.Sprintf("%s\nselect line, at_ns / 1e9 as second, %s as value\nfrom %s%s order by all", with, drawn, from, window)
}

// cameSQL is when what a line counts came, and how much: what Drawing.count adds up.
func cameSQL(line string) string {
	of := map[string]string{
		"due":           "due_ns as at_ns, 1 as n from 'requests.parquet'",
		"answered":      "done_ns as at_ns, 1 as n from 'requests.parquet' where failure is null",
		"failed":        "greatest(done_ns, due_ns) as at_ns, 1 as n from 'requests.parquet' where failure <> 'given up' and not " + cutSQL,
		"output tokens": "at_ns, tokens as n from (" + tokensSQL + ")",
	}[line]
	return fmt.Sprintf("select %s as line, %s", quoted(line), of)
}

// ratesSQL gives the rates of what came, in the steps that are drawn. The last one
// ends with the load.
func ratesSQL(lines []Series, step, length float64) string {
	var came, names []string
	for _, s := range lines {
		came = append(came, cameSQL(s.Name))
		names = append(names, "("+quoted(s.Name)+")")
	}
	return fmt.Sprintf(`with came as (
  %s),
steps as (
  select i, i * %g as second, least(%g, %v - second) as seconds from range(%d) steps(i))
select lines.line, second, coalesce(sum(n), 0) / any_value(seconds) as value
from steps cross join (values %s) lines(line)
left join came on came.line = lines.line and at_ns // %.0f = i
group by lines.line, second order by all`, strings.Join(came, "\n  union all "), step, step, length, len(lines[0].At), strings.Join(names, ", "), step*1e9)
}

// sharesSQL are the shares at which distribution takes the quantiles.
const sharesSQL = "[i / 200 for i in range(190)] || [0.95 + i / 2000 for i in range(81)] || [0.99 + i / 10000 for i in range(101)]"

// distributionSQL gives the values at or below which each share lies.
func distributionSQL(name string, from, to time.Duration) string {
	m, err := metric.Lookup(name)
	if err != nil {
		return ""
	}
	r := asked{from: from, to: to}.relation(m.Source, []string{"mean"})
	return "set variable shares = " + sharesSQL + ";\n" + r.with +
		"select unnest(getvariable('shares')) as share, unnest(quantile_cont(value, getvariable('shares'))) as value\nfrom " + r.from
}

// storySQL gives the points of the first chart, by all figures that it can show.
const storySQL = `select seq, class, failure, due_ns / 1e9 as due, ttft_ns / 1e9 as ttft, lag_ns / 1e9 as lag,
  if(failure is null, tpot_ns / 1e9, null) as tpot, if(failure is null, e2e_ns / 1e9, null) as e2e,
  if(failure is null, list_max(` + metric.StoredGaps + `) / 1e9, null) as gap
from 'requests.parquet' order by due_ns, seq`

// failuresSQL gives the table of failures.
const failuresSQL = `select failure, count(*) as requests, count(*) / (select count(*) from 'requests.parquet') as share,
  min(due_ns) / 1e9 as first_due, arg_min(error, (due_ns, seq)) as said
from 'requests.parquet' where failure is not null group by failure order by first_due`

// ask gives each chart, and each row of the figures, its query. The phases have none:
// they rest on what the server's histograms tell of each second.
func (v *View) ask(from, to time.Duration) {
	for i := range v.Data.Distributions {
		d := &v.Data.Distributions[i]
		d.SQL = distributionSQL(d.Metric, from, to)
	}
	for i := range v.Figures {
		f := &v.Figures[i]
		var statistics []string
		for _, value := range f.Values {
			statistics = append(statistics, value.Name)
		}
		f.SQL = figureSQL(f.Name, statistics, from, to)
	}
	v.Queries = []Fact{
		{"The tokens of one request", "select unnest(chunk_ns) / 1e9 as at from 'requests.parquet' where seq = 0"},
		{"What was sampled", "select source, series, count(*) from 'samples.parquet' group by all order by all"},
	}
}
