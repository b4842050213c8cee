package reports

import (
	"fmt"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// SQL is the query that gives an objective's value from the run's Parquet
// files, as DuckDB understands it; "" where there is no short one.
func SQL(o harness.Objective, from, to time.Duration) string {
	column := map[string]string{"TTFT": "ttft_ns", "TPOT": "tpot_ns", "E2E latency": "e2e_ns", "lag": "lag_ns"}[o.Metric]
	gauge := map[string]string{"KV cache usage": "vllm:kv_cache_usage_perc", "running requests": "vllm:num_requests_running", "waiting requests": "vllm:num_requests_waiting"}[o.Metric]
	requests := " from 'requests.parquet'" + measured(from, to)
	if o.Class != "" {
		requests += fmt.Sprintf(" and class = '%s'", strings.ReplaceAll(o.Class, "'", "''"))
	}
	switch {
	case o.Metric == "requests":
		return "select count(*)" + requests
	case o.Metric == "error rate":
		return "select avg((failure is not null and failure <> 'given up')::int)" + requests
	case o.Metric == "attainment":
		return "select avg(good::int)" + requests
	case o.Metric == "ITL" && o.Statistic != "":
		return fmt.Sprintf("with gaps as (select unnest(list_transform(range(2, len(chunk_ns) + 1), i -> chunk_ns[i] - chunk_ns[i - 1])) as gap%s and failure is null)\nselect %s from gaps",
			requests, aggregate(o.Statistic, "gap / 1e9"))
	case column != "":
		value := column + " / 1e9"
		if strings.HasPrefix(o.Statistic, "p") && o.Relation != harness.AtLeast && o.Metric != "lag" {
			// A request without an answer stands for the worst.
			value = fmt.Sprintf("if(failure is null, %s, 'inf'::double)", value)
			return "select " + aggregate(o.Statistic, value) + requests + fmt.Sprintf(" and (failure is not null or %s is not null)", column)
		}
		if o.Metric != "lag" {
			return "select " + aggregate(o.Statistic, value) + requests + " and failure is null"
		}
		return "select " + aggregate(o.Statistic, value) + requests
	case gauge != "":
		return fmt.Sprintf("select %s from 'samples.parquet' where series = '%s' and at_ns between %d and %d",
			aggregate(o.Statistic, "value"), gauge, from, to)
	}
	return ""
}

// aggregate is quantile_cont for a percentile, which interpolates as we do.
func aggregate(statistic, value string) string {
	switch statistic {
	case "mean":
		return "avg(" + value + ")"
	case "min", "max":
		return statistic + "(" + value + ")"
	}
	var p float64
	if _, err := fmt.Sscanf(statistic, "p%g", &p); err != nil {
		return "sum(" + value + ")"
	}
	return fmt.Sprintf("quantile_cont(%s, %g)", value, p/100)
}

// queries give the charts from the files, as DuckDB understands them.
func queries(from, to time.Duration) []Fact {
	return []Fact{
		{"Every request", "select due_ns / 1e9 as due, ttft_ns / 1e9 as ttft, class, failure from 'requests.parquet'"},
		{"Throughput", "select done_ns // 1000000000 as second, count(*) from 'requests.parquet' where failure is null group by 1 order by 1"},
		{"Distribution", "select cume_dist() over (order by ttft_ns) as share, ttft_ns / 1e9 as ttft from 'requests.parquet'" + measured(from, to) + " and failure is null"},
		{"Tokens of one", "select unnest(chunk_ns) / 1e9 as at from 'requests.parquet' where seq = 0"},
		{"A gauge", "select at_ns / 1e9 as at, sum(value) from 'samples.parquet' where series = 'vllm:num_requests_running' group by 1 order by 1"},
		{"Failures", "select failure, count(*), any_value(error) from 'requests.parquet' where failure is not null group by 1"},
	}
}

// measured are the requests that were due in the measured window.
func measured(from, to time.Duration) string {
	return fmt.Sprintf(" where due_ns >= %d and due_ns < %d", from.Nanoseconds(), to.Nanoseconds())
}
