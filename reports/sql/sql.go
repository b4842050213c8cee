package sql

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
)

// Objective is the query that gives an objective's value; "" where there is no short one.
func Objective(o harness.Objective, from, to time.Duration) string {
	asked := asked{class: o.Class, from: from, to: to, worst: o.Relation != harness.AtLeast}
	return asked.query(o.Metric, o.Statistic)
}

// Figures gives some statistics of a metric, as the table of figures has them.
func Figures(metric string, statistics []string, from, to time.Duration) string {
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

func (a asked) query(name string, statistics ...string) string {
	m, err := metric.Lookup(name)
	if err != nil {
		return ""
	}
	r := a.relation(m.Source, statistics)
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

// relation is where the values of a metric come from.
func (a asked) relation(source metric.Source, statistics []string) relation {
	switch of := source.(type) {
	case metric.PerRequest:
		return a.ofRequests(of, statistics)
	case metric.Gap:
		if of.PerToken {
			return a.perToken()
		}
		return a.values("unnest("+metric.StoredGaps+") / 1e9", " and failure is null")
	case metric.Concurrency:
		return a.inFlight(a.seconds())
	case metric.Gauge:
		return a.readings(of)
	case metric.Counter:
		return relation{with: rises(labelled(of.Feed, of.Series), false), total: "sum(rise)", from: a.since()}
	case metric.Ratio:
		return a.ratio(of.Part, of.Whole, false)
	case metric.Histogram:
		r := a.ratio(of.Name+"_sum", of.Name+"_count", true)
		return relation{with: r.with, mean: r.total, bare: true, from: r.from}
	}
	return a.ofRun(source)
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

// Of which requests a value counts.
type counted int

const (
	ofAnswered counted = iota // of those that were answered whole
	ofBegun                   // …or whose users left later; who left before has waited in vain
	ofShown                   // …or whose users left later; of who left before it is unknown
	ofAnyone                  // of all that have one: it is our own doing
)

// ofRequests is a metric that each request has one value of.
func (a asked) ofRequests(source metric.PerRequest, statistics []string) relation {
	value, of, waited := source.Stored(), ofAnswered, "0" // one that we cut took at least so long
	switch s := source.(type) {
	case metric.Latency:
		of = map[metric.Instant]counted{metric.FirstChunk: ofBegun, metric.FirstAnswer: ofShown}[s.To]
		if s.From == metric.DueAt && s.Per == metric.Undivided {
			waited = fromDueSQL
		}
	case metric.OwnTime:
		of = ofAnyone
	}
	who := map[counted]string{ofAnswered: " and failure is null", ofBegun: " and (" + arrivedSQL + ")", ofShown: " and (" + arrivedSQL + ")"}[of]
	// A request that failed counts as the worst in a percentile, and in the greatest value.
	if a.worst && of != ofAnyone && (strings.HasPrefix(statistics[0], "p") || statistics[0] == "max") {
		is := [...]string{ofAnswered: "failure is null", ofBegun: arrivedSQL + " and ttft_ns is not null", ofShown: arrivedSQL}[of]
		cut := [...]string{ofAnswered: cutSQL, ofBegun: cutSQL + " and ttft_ns is null", ofShown: cutSQL + " and first_answer_ns is null"}[of]
		if who = ""; of == ofAnswered {
			who = " and failure is distinct from 'given up'"
		}
		value = fmt.Sprintf("case when %s then %s when %s then %s else 'inf'::double end", cut, waited, is, value)
	}
	return a.values(value, who)
}

// values are those of an expression over the requests that were due.
func (a asked) values(value, who string) relation {
	return relation{from: fmt.Sprintf("(select %s as value from %s%s)", value, a.requests(), who)}
}

// perToken is each gap by the token that came after it, once for each.
func (a asked) perToken() relation {
	return relation{
		with: fmt.Sprintf("with gaps as (\n  select unnest(%s) / 1e9 as gap, unnest(chunk_tokens[2:]) as tokens\n  from %s and failure is null and len(chunk_tokens) = len(chunk_ns))\n", metric.StoredGaps, a.requests()),
		from: "(select gap / tokens as value from gaps, range(tokens))",
	}
}

func (a asked) seconds() string { return fmt.Sprintf("%v", (a.to - a.from).Seconds()) }

// ofRun is a figure of the run as a whole.
func (a asked) ofRun(source metric.Source) (r relation) {
	inside := func(column string) string {
		return fmt.Sprintf("%s >= %d and %s < %d", column, a.from.Nanoseconds(), column, a.to.Nanoseconds())
	}
	total := map[metric.Source]string{
		metric.Total{Of: metric.Due}:                  "count(*)",
		metric.Total{Of: metric.Due, PerSecond: true}: "count(*) / " + a.seconds(),
		metric.ErrorRate{}:                            "avg(if(" + cutSQL + ", null, (failure is not null and failure <> 'given up')::int))",
		metric.Attainment{}:                           "avg(good::int)",
		metric.Attainment{PerSecond: true}:            "sum(good::int) / " + a.seconds(),
		metric.ValidAnswers{}:                         "avg((validity = 'valid')::int)",
		metric.Coalesced{}:                            "sum(len(chunk_ns) - len(list_distinct(chunk_ns))) / sum(len(chunk_ns))", // stamps only ascend
	}[source]
	switch source {
	case metric.Total{Of: metric.Ended, PerSecond: true}, metric.Total{Of: metric.Inputs, PerSecond: true}, metric.Total{Of: metric.ClipSeconds, PerSecond: true}, metric.Total{Of: metric.PromptTokens, PerSecond: true}:
		of := map[metric.Amount]string{metric.Ended: "count(*)", metric.Inputs: "sum(inputs)", metric.ClipSeconds: "sum(clip_ns) / 1e9", metric.PromptTokens: "sum(prompt_tokens)"}[source.(metric.Total).Of]
		return relation{total: of + " / " + a.seconds(), from: "'requests.parquet' where " + inside("done_ns") + " and failure is null" + a.ofClass()}
	case metric.Total{Of: metric.OutputTokens, PerSecond: true}:
		return relation{with: "with tokens as (\n  " + tokensSQL + a.ofClass() + ")\n", total: "sum(tokens) / " + a.seconds(), from: "tokens where " + inside("at_ns")}
	}
	if total == "" {
		return r
	}
	return relation{total: total, from: a.requests()}
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

// labelled is a series of a feed, of all labels or of some.
func labelled(feed, selector string) string {
	series, labels := metric.Selector(selector)
	of := fmt.Sprintf("source = '%s' and series = %s", feed, quoted(series))
	if feed == metric.Server && labels["model_name"] != "" {
		of = fmt.Sprintf("source in ('server', %s) and series = %s", quoted(harness.OtherModels), quoted(series))
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		of += fmt.Sprintf(" and labels[%s] = %s", quoted(label), quoted(labels[label]))
	}
	return of
}

// readings are those of a gauge, or by how much it rose by the second.
func (a asked) readings(g metric.Gauge) relation {
	of, inside := labelled(g.Feed, g.Series), fmt.Sprintf("at_ns between %d and %d", a.from, a.to)
	if !g.Rate {
		over := [...]string{metric.Sum: "sum", metric.Greatest: "max", metric.Average: "avg"}[g.Over]
		return relation{from: fmt.Sprintf("(select %s(value) as value from 'samples.parquet' where %s and %s group by at_ns)", over, of, inside)}
	}
	return relation{
		with: strings.TrimSuffix(rises(of, false), "\n") + ",\nrates as (\n  select at_ns, sum(rise) as rise, (at_ns - lag(at_ns) over (order by at_ns)) / 1e9 as seconds, sum(rise) / seconds as value\n  from rises group by at_ns)\n",
		mean: "sum(rise) / sum(seconds)",
		from: "rates where seconds is not null and " + inside,
	}
}

// ratio is by how much one counter of the server's rose ÷ by how much another did.
func (a asked) ratio(part, whole string, together bool) relation {
	return relation{with: rises(fmt.Sprintf("source = 'server' and series in (%s, %s)", quoted(part), quoted(whole)), together),
		total: fmt.Sprintf("sum(rise) filter (series = %s) / sum(rise) filter (series = %s)", quoted(part), quoted(whole)), from: a.since()}
}

// since are the rises since the window began.
func (a asked) since() string { return fmt.Sprintf("rises where at_ns > %d", a.from) }

// rises is by how much counters rose from one reading to the next: the rule of
// [ledger.Counters]. Counters of one histogram begin again together: one that fell tells of
// the others, which may have risen above what they were.
func rises(of string, together bool) string {
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
