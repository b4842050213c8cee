package reports

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// SQL is the query that gives an objective's value from the run's Parquet
// files, as DuckDB understands it; "" where there is no short one.
func SQL(o harness.Objective, from, to time.Duration) string {
	asked := asked{class: o.Class, from: from, to: to, worst: o.Relation != harness.AtLeast}
	return asked.query(o.Metric, o.Statistic)
}

// figureSQL gives some statistics of a metric, as the table of figures has them.
func figureSQL(metric string, statistics []string, from, to time.Duration) string {
	return asked{from: from, to: to}.query(metric, statistics...)
}

// asked is of which requests, and of which part of the run, a figure is to be.
type asked struct {
	class    string
	from, to time.Duration
	worst    bool // a request without an answer stands for the worst
}

// A relation has the values of a metric, one a row.
type relation struct {
	with  string // what stands before the query
	from  string // what has the column "value"
	mean  string // the mean, where it is not that of the values
	most  string // the greatest, where there are no values
	total string // the one figure there is, where there are no values
	bare  bool   // there are no values, and nothing but the mean
}

func (a asked) query(metric string, statistics ...string) string {
	m, err := slo.Lookup(metric)
	if err != nil {
		return ""
	}
	r := a.ofRun(m.Name)
	if origin, ok := m.Origin(); ok {
		r = a.ofSamples(origin)
	} else if r.from == "" {
		r = a.ofRequests(m.Name, statistics)
	}
	if r.from == "" {
		return ""
	}
	var columns []string
	for _, s := range statistics {
		column := r.aggregate(s)
		if column == "" {
			return ""
		}
		if len(statistics) > 1 {
			column += " as " + plainName(s)
		}
		columns = append(columns, column)
	}
	return r.with + "select " + strings.Join(columns, ", ") + "\nfrom " + r.from
}

// plainName is a statistic as a column: "p99.9" as "p99_9".
func plainName(statistic string) string { return strings.ReplaceAll(statistic, ".", "_") }

// aggregate is quantile_cont for a percentile, which interpolates as we do.
func (r relation) aggregate(statistic string) string {
	var p float64
	switch {
	case r.total != "":
		return r.total
	case statistic == "mean" && r.mean != "":
		return r.mean
	case r.bare:
		return ""
	case statistic == "max" && r.most != "":
		return r.most
	case statistic == "mean":
		return "avg(value)"
	case statistic == "min" || statistic == "max":
		return statistic + "(value)"
	}
	if _, err := fmt.Sscanf(statistic, "p%g", &p); err != nil {
		return ""
	}
	return fmt.Sprintf("quantile_cont(value, %g)", math.Round(p*1e6)/1e8)
}

// requests are those that were due in the measured window, of the class asked for.
func (a asked) requests() string {
	return "'requests.parquet'" + measured(a.from, a.to) + a.ofClass()
}

func (a asked) ofClass() string {
	if a.class == "" {
		return ""
	}
	return " and class = " + quoted(a.class)
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// measured are the requests that were due in the measured window.
func measured(from, to time.Duration) string {
	return fmt.Sprintf(" where due_ns >= %d and due_ns < %d", from.Nanoseconds(), to.Nanoseconds())
}

// gapsOf is the list of the gaps between an answer's chunks.
const gapsOf = "[chunk_ns[i] - chunk_ns[i - 1] for i in range(2, len(chunk_ns) + 1)]"

// Of which requests a value counts.
const (
	ofAnswered = iota // of those that were answered whole
	ofBegun           // …or whose users left later; who left before has waited in vain
	ofShown           // …or whose users left later; of who left before it is unknown
	ofAnyone          // of all that have one: it is our own doing
)

// ofRequests is a metric that each request has one value of, or several.
func (a asked) ofRequests(metric string, statistics []string) (r relation) {
	of := map[string]struct {
		value string
		of    int
	}{
		"TTFT":                   {"ttft_ns / 1e9", ofBegun},
		"TTFT since sent":        {"(first_token_ns - sent_ns) / 1e9", ofBegun},
		"time to first answer":   {"(first_answer_ns - due_ns) / 1e9", ofShown},
		"TPOT":                   {"tpot_ns / 1e9", ofAnswered},
		"E2E latency":            {"if(len(chunk_ns) > 0, e2e_ns, null) / 1e9", ofAnswered},
		"E2E latency since sent": {"if(len(chunk_ns) > 0, done_ns - sent_ns, null) / 1e9", ofAnswered},
		"longest gap":            {"list_max(" + gapsOf + ") / 1e9", ofAnswered},
		"input tokens":           {"prompt_tokens", ofAnswered},
		"output tokens":          {"output_tokens", ofAnswered},
		"chunks":                 {"len(chunk_ns)", ofAnswered},
		"cached tokens":          {"cached_tokens", ofAnswered},
		"reasoning tokens":       {"reasoning_tokens", ofAnswered},
		"lag":                    {"lag_ns / 1e9", ofAnyone},
		"read delay":             {"read_delay_ns / 1e9", ofAnyone},
		"connecting":             {"connecting_ns / 1e9", ofAnyone},
		"resolving":              {"resolving_ns / 1e9", ofAnyone},
		"securing":               {"securing_ns / 1e9", ofAnyone},
		"ITL":                    {"unnest(" + gapsOf + ") / 1e9", ofAnswered},
	}[metric]
	const began = arrivedSQL
	who := map[int]string{ofAnswered: " and failure is null", ofBegun: " and (" + began + ")", ofShown: " and (" + began + ")"}[of.of]
	// A request that failed counts as the worst in a percentile, and in the greatest value.
	if a.worst && of.of != ofAnyone && metric != "ITL" && (strings.HasPrefix(statistics[0], "p") || statistics[0] == "max") {
		is := map[int]string{ofAnswered: "failure is null", ofBegun: began + " and ttft_ns is not null", ofShown: began}[of.of]
		cut := map[int]string{ofAnswered: cutSQL, ofBegun: cutSQL + " and ttft_ns is null", ofShown: cutSQL + " and first_answer_ns is null"}[of.of]
		who = map[int]string{ofAnswered: " and failure is distinct from 'given up'"}[of.of]
		waited := map[string]string{"TTFT": fromDueSQL, "time to first answer": fromDueSQL, "E2E latency": fromDueSQL}[metric] // one that we cut took at least so long
		of.value = fmt.Sprintf("case when %s then %s when %s then %s else 'inf'::double end", cut, cmp.Or(waited, "0"), is, of.value)
	}
	switch {
	case metric == "ITL per token":
		return a.perToken()
	case of.value == "":
		return r
	}
	r.from = fmt.Sprintf("(select %s as value from %s%s)", of.value, a.requests(), who)
	return r
}

// perToken is each gap by the token that came after it, once for each.
func (a asked) perToken() relation {
	return relation{
		with: fmt.Sprintf("with gaps as (\n  select unnest(%s) / 1e9 as gap, unnest(chunk_tokens[2:]) as tokens\n  from %s and failure is null and len(chunk_tokens) = len(chunk_ns))\n", gapsOf, a.requests()),
		from: "(select gap / tokens as value from gaps, range(tokens))",
	}
}

// ofRun is a figure of the run as a whole.
func (a asked) ofRun(metric string) (r relation) {
	seconds := fmt.Sprintf("%v", (a.to - a.from).Seconds())
	inside := func(column string) string {
		return fmt.Sprintf("%s >= %d and %s < %d", column, a.from.Nanoseconds(), column, a.to.Nanoseconds())
	}
	total := map[string]string{
		"requests":         "count(*)",
		"request rate":     "count(*) / " + seconds,
		"error rate":       "avg(if(" + cutSQL + ", null, (failure is not null and failure <> 'given up')::int))",
		"attainment":       "avg(good::int)",
		"goodput":          "sum(good::int) / " + seconds,
		"coalesced chunks": "sum(len(chunk_ns) - len(list_distinct(chunk_ns))) / sum(len(chunk_ns))", // stamps only ascend
	}[metric]
	switch {
	case total != "":
		return relation{total: total, from: a.requests()}
	case metric == "request throughput":
		return relation{total: "count(*) / " + seconds, from: "'requests.parquet' where " + inside("done_ns") + " and failure is null" + a.ofClass()}
	case metric == "output throughput":
		return relation{with: "with tokens as (\n  " + tokensSQL + a.ofClass() + ")\n", total: "sum(tokens) / " + seconds, from: "tokens where " + inside("at_ns")}
	case metric == "concurrency":
		return a.inFlight(seconds)
	}
	return r
}

// tokensSQL is when output tokens came, and how many: as the server tells of each
// chunk, or else spread evenly over an answer's chunks.
const tokensSQL = `select unnest(chunk_ns) as at_ns,
    unnest(if(len(chunk_tokens) = len(chunk_ns), chunk_tokens, [output_tokens / len(chunk_ns) for x in chunk_ns])) as tokens
  from 'requests.parquet' where output_tokens > 0 and ` + arrivedSQL

// cutSQL is a request that we ended ourselves, fromDueSQL how long it had waited by then, and
// arrivedSQL a request that did not fail.
const (
	cutSQL     = "(failure is not null and failure in ('interrupted', 'unanswered'))"
	fromDueSQL = "greatest(0, done_ns - due_ns) / 1e9"
	arrivedSQL = "(failure is null or failure in ('given up', 'interrupted', 'unanswered'))"
)

// inFlight adds up from when to when each request was in flight. At one instant answers end
// before new requests begin.
func (a asked) inFlight(seconds string) relation {
	return relation{
		with: fmt.Sprintf("with flight as (\n  select greatest(sent_ns, %d) as begin_ns, least(done_ns, %d) as end_ns\n  from 'requests.parquet' where sent_ns < %d and done_ns >= %d%s),\n",
			a.from, a.to, a.to, a.from, a.ofClass()) +
			"changes as (\n  select begin_ns as at_ns, 1 as change, end_ns - begin_ns as spent_ns from flight\n  union all select greatest(end_ns, begin_ns + 1), -1, 0 from flight),\n" +
			"counts as (\n  select spent_ns, sum(change) over (order by at_ns, change rows unbounded preceding) as value from changes)\n",
		mean: "sum(spent_ns) / 1e9 / " + seconds,
		most: "max(value)",
		from: "counts",
	}
}

// ofSamples is a metric that rests on what was sampled.
func (a asked) ofSamples(o slo.Origin) relation {
	of := fmt.Sprintf("source = '%s' and series = %s", o.Source, quoted(o.Series))
	if o.Source == "server" && o.Labels["model_name"] != "" {
		of = fmt.Sprintf("source in ('server', %s) and series = %s", quoted(harness.OtherModels), quoted(o.Series))
	}
	for _, label := range slices.Sorted(maps.Keys(o.Labels)) {
		of += fmt.Sprintf(" and labels[%s] = %s", quoted(label), quoted(o.Labels[label]))
	}
	inside := fmt.Sprintf("at_ns between %d and %d", a.from, a.to)
	since := fmt.Sprintf("rises where at_ns > %d", a.from)
	ratio := func(part, whole string, together bool) relation {
		return relation{with: risesSQL(fmt.Sprintf("source = '%s' and series in (%s, %s)", o.Source, quoted(part), quoted(whole)), together),
			total: fmt.Sprintf("sum(rise) filter (series = %s) / sum(rise) filter (series = %s)", quoted(part), quoted(whole)), from: since}
	}
	switch o.Kind {
	case slo.OfReadings:
		return relation{from: fmt.Sprintf("(select %s(value) as value from 'samples.parquet' where %s and %s group by at_ns)", o.Over, of, inside)}
	case slo.OfRises:
		return relation{with: risesSQL(of, false), total: "sum(rise)", from: since}
	case slo.OfShare:
		return ratio(o.Series, o.Of, false)
	case slo.OfHistogram:
		r := ratio(o.Series+"_sum", o.Series+"_count", true)
		return relation{with: r.with, mean: r.total, bare: true, from: r.from}
	}
	return relation{
		with: strings.TrimSuffix(risesSQL(of, false), "\n") + ",\nrates as (\n  select at_ns, sum(rise) as rise, (at_ns - lag(at_ns) over (order by at_ns)) / 1e9 as seconds, sum(rise) / seconds as value\n  from rises group by at_ns)\n",
		mean: "sum(rise) / sum(seconds)",
		from: "rates where seconds is not null and " + inside,
	}
}

// risesSQL is by how much counters rose from one reading to the next: the rule of
// [slo.Counters]. Counters of one histogram begin again together: one that fell tells of
// the others, which may have risen above what they were.
func risesSQL(of string, together bool) string {
	source, _, _ := strings.Cut(of, " and series")
	rose := "before <= value"
	if together {
		rose += " and not bool_or(value < before) over (partition by labels, at_ns)"
	}
	return fmt.Sprintf(`with counters as (
  select *, lag(value) over (partition by series, labels order by at_ns) as before
  from 'samples.parquet' where %s),
rises as (
  select at_ns, series, labels, case
    when %s then value - before
    when before is not null or at_ns > (select min(at_ns) from 'samples.parquet' where %s) then value
    else 0 end as rise
  from counters)
`, of, rose, source)
}
