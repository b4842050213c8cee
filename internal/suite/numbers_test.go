package suite_test

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/sql"
)

// rich is a run that has something of everything that a page shows: two classes of
// traffic, requests that fail in two ways, users who leave, answers that stall, a warm-up.
const rich = `Feature: X
  Scenario: Something of everything
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it serves the adapter "sql"
    And it tells the timings of each request
    And it answers 3% of requests with status 503
    And it cuts 3% of answers short
    And it stalls every 15th answer for 2 seconds
    And the traffic is a mix of:
      | chat    | 60% | conversations are drawn from "sharegpt"; answers are at most 64 tokens long |                |
      | queries | 40% | prompts of 400 tokens are answered in 40 tokens                             | asked of "sql" |
    And a request is good when:
      | chat: TTFT  | at most 500 ms |
      | E2E latency | at most 1 s    |
    And 10% of requests are given up after 1 second
    And requests arrive as a Poisson process at 8 per second
    And the first 10 seconds are warm-up
    When the load runs for 1 minute
    Then these objectives are met:
      | p99 TTFT                            | at most 500 ms       |
      | p50 TTFT                            | at most 500 ms       |
      | p90 TTFT                            | at least 1 ms        |
      | mean TTFT                           | at most 500 ms       |
      | max TTFT                            | at most 1 s          |
      | p95 TTFT since sent                 | at most 1 s          |
      | p50 time to first answer            | at most 1 s          |
      | p50 TPOT                            | at most 50 ms        |
      | p90 E2E latency                     | at most 5 s          |
      | p80 E2E latency since sent          | at most 5 s          |
      | p99 ITL                             | at most 50 ms        |
      | mean ITL                            | at most 50 ms        |
      | p99 ITL per token                   | at most 50 ms        |
      | p80 longest gap                     | at most 100 ms       |
      | max lag                             | at most 1 ms         |
      | mean input tokens                   | at most 1,000 tokens |
      | p99.9 output tokens                 | at most 64 tokens    |
      | max chunks                          | at most 64           |
      | error rate                          | none                 |
      | attainment                          | at least 99%         |
      | goodput                             | at least 1 per second |
      | requests                            | at least 1           |
      | request rate                        | between 6 and 10 per second |
      | request throughput                  | at least 1 per second |
      | output throughput                   | at least 1 tokens per second |
      | coalesced chunks                    | at most 10%          |
      | mean concurrency                    | at most 64           |
      | max concurrency                     | at most 64           |
      | max backlog                         | at most 64           |
      | max KV cache usage                  | at most 50%          |
      | mean running requests               | at most 64           |
      | total preemptions                   | none                 |
      | total aborted requests              | at most 100          |
      | prefix cache hit rate               | at least 1%          |
      | mean queue time                     | at most 1 s          |
      | max server output throughput        | at least 1 tokens per second |
      | mean server input throughput        | at least 1 tokens per second |
      | total "vllm:prompt_tokens_total"    | at least 1           |
      | chat: p50 TTFT                      | at most 500 ms       |
      | chat: attainment                    | at least 50%         |
      | queries: output throughput          | at least 1 tokens per second |
      | queries: max concurrency            | at most 64           |
      | mean GPU power                      | at most 300 W        |
`

// TestNumbers_ofThePageAreInItsFiles holds the page of a run, as it was stored, against
// the files beside it: verdicts.json and run.json as they are, and the Parquet files as
// DuckDB reads them. A number that no check knows of fails it.
func TestNumbers_ofThePageAreInItsFiles(t *testing.T) {
	needsDuckDB(t)
	r := feature(t, rich)
	require.Len(t, r.runs, 1, r.output)
	stored, err := store.Open(r.runs[0])
	require.NoError(t, err)
	p := paper{sheet: readSheet(t, filepath.Join(r.runs[0], "report.html")), duck: &duck{t: t}, of: stored, measured: measure.Of(stored.Run)}
	require.NoError(t, json.Unmarshal(stored.Verdicts, &p.verdicts))
	p.readData()

	p.headline()
	p.objectives()
	p.about()
	p.phases()
	p.failures()
	p.classes()
	p.figures()
	p.method()
	p.agreement()
	p.environment()
	p.charts()
	p.requests()
	p.story()
	p.duck.run(r.runs[0])
	p.nothingElse()
}

// A paper is the page of a run, and what it is held against.
type paper struct {
	*sheet
	duck     *duck
	of       *store.Stored
	verdicts []slo.Verdict
	measured *measure.Window // the run once more, from its files
	data     drawn
}

func (p *paper) readData() {
	require.NoError(p.t, json.Unmarshal([]byte(content(p.block("data"))), &p.data))
}

// headline is the first missed objective in one sentence, and why.
func (p paper) headline() {
	p.isOneOf("h1", func(text string) bool {
		missed := 0
		sentence := ""
		for _, v := range p.verdicts {
			if v.Outcome == slo.Missed {
				missed++
				if missed == 1 {
					sentence = "Missed, simulated" + strings.TrimPrefix(v.Sentence(), "missed")
				}
			}
		}
		return strings.HasPrefix(text, sentence) && strings.HasSuffix(text, fmt.Sprintf(" (%d of %d objectives).", missed, len(p.verdicts)))
	})
	said := []string{"Target: " + reports.NewTarget(p.of.Manifest).String()}
	for _, v := range p.verdicts {
		if v.Outcome == slo.Missed {
			said = append(said, v.Cause.Reason()+".")
			break
		}
	}
	for _, f := range slo.Audit(p.measured) {
		said = append(said, "Unsound: "+f.Text+".")
	}
	for _, warning := range p.of.Manifest.Warnings {
		said = append(said, "Note: "+warning.String()+".")
	}
	for _, n := range p.all("p", p.first("header")) {
		if digits.MatchString(content(n)) {
			p.tells(n, said)
		}
	}
}

func (p paper) objectives() {
	rows := p.all("details.objective")
	require.Len(p.t, rows, len(p.verdicts))
	for i, v := range p.verdicts {
		row := p.within(rows[i])
		n, value := quantity.Format(float64(v.N), quantity.Count), quantity.Format(v.Value, v.Unit)
		if math.IsNaN(v.Value) {
			n, value = "–", "–"
		}
		row.says(".name", v.Name())
		row.says(".limit", v.Expectation())
		row.says(".value", value)
		row.says(".interval", strings.TrimSpace(v.Interval()))
		row.says(".n", "n = "+n)
		row.says(".outcome", string(v.Outcome))
		row.says(".where", v.Where)
		query := sql.Objective(v.Objective, p.of.Run.From, p.of.Run.To)
		require.NotEmpty(p.t, query, v.Text)
		row.says("pre", query)
		p.duck.ask(query, func(rows [][]string) {
			require.Len(p.t, rows, 1, query)
			if math.IsNaN(v.Value) {
				assert.Equal(p.t, "", rows[0][0], "%s\n%s", v.Text, query)
				return
			}
			near(p.t, v.Value, number(rows[0][0]), "%s\n%s", v.Text, query)
		})
		row.bar(v)
		m, err := metric.Lookup(v.Metric)
		require.NoError(p.t, err)
		for _, n := range p.all("p", rows[i]) {
			p.tells(n, append([]string{v.Cause.String() + ".", m.Formula, v.Where}, v.Notes...))
		}
	}
}

// about is what was run.
func (p paper) about() {
	m, dl := p.of.Manifest, p.first("dl.about")
	p.fact(dl, "Model", m.Server.Model)
	p.fact(dl, "When", m.Start.UTC().Format("2 January 2006, 15:04 UTC")+", in virtual time")
	judged, all := 0, 0
	for r := range p.of.Run.Records {
		all++
		if r.Due.Nanoseconds() >= m.FromNS && r.Due.Nanoseconds() < m.ToNS {
			judged++
		}
	}
	measured := fmt.Sprintf("for %d s", (m.ToNS-m.FromNS)/1e9)
	if judged < all {
		measured += fmt.Sprintf(": %d of %d requests", judged, all)
	}
	p.fact(dl, "Measured", measured)
	p.fact(dl, "Seed", strconv.FormatUint(m.Scenario.Seed, 10))
	p.fact(dl, "Scenario", m.Scenario.Where)
	p.fact(dl, "Asked", m.Scenario.Dataset)
	p.fact(dl, "Load", strings.NewReplacer("1m0s", "1 min").Replace(m.Scenario.Load))
}

func (p paper) failures() {
	rows := p.all("tr", p.section("failures"))[1:]
	require.GreaterOrEqual(p.t, len(rows), 3, "two kinds, and those who left")
	p.duck.ask(content(p.first("pre", p.section("failures"))), func(kinds [][]string) {
		require.Len(p.t, kinds, len(rows))
		for _, row := range rows {
			cells := p.cells(row)
			i := slices.IndexFunc(kinds, func(k []string) bool { return k[0] == content(cells[0]) })
			require.GreaterOrEqual(p.t, i, 0, content(row))
			p.equal(cells[0], kinds[i][0])
			p.equal(cells[1], quantity.Format(number(kinds[i][1]), quantity.Count))
			p.equal(cells[2], quantity.Format(number(kinds[i][2]), quantity.Ratio))
			p.equal(cells[3], span(number(kinds[i][3])))
			p.equal(cells[4], strings.Join(strings.Fields(kinds[i][4]), " "))
		}
	})
}

// classes are held against DuckDB, and their intervals, which no query gives, against the
// run measured once more from its files.
func (p paper) classes() {
	rows := p.all("tr", p.section("classes"))
	names := p.cells(rows[0])
	require.Len(p.t, rows, 3)
	for _, row := range rows[1:] {
		cells := p.cells(row)
		class := content(cells[0])
		for i, cell := range cells[1:] {
			statistic, of, found := strings.Cut(content(names[i+1]), " ")
			if _, err := metric.Lookup(content(names[i+1])); err == nil || !found {
				statistic, of = "", content(names[i+1])
			}
			o := harness.Objective{Statistic: statistic, Metric: of, Class: class, Relation: harness.AtMost}
			v := slo.JudgeSoFar(p.measured, []harness.Objective{o})[0]
			p.duck.ask(sql.Objective(o, p.of.Run.From, p.of.Run.To), func(rows [][]string) {
				p.equal(cell, quantity.Format(number(rows[0][0]), v.Unit)+v.Interval())
			})
		}
	}
}

// figures are each what the query beside them gives.
func (p paper) figures() {
	for _, row := range p.all("dl.figures div") {
		name := content(p.first("dt", row))
		m, err := metric.Lookup(name)
		require.NoError(p.t, err)
		queries := p.all("pre", row)
		require.Len(p.t, queries, 1, "%s has no query", name)
		p.duck.ask(content(queries[0]), func(rows [][]string) {
			require.Len(p.t, rows, 1)
			values := p.all(".figure", row)
			require.Len(p.t, values, len(rows[0]))
			for i, cell := range rows[0] {
				statistic := ""
				if small := p.all("small", values[i]); len(small) > 0 {
					statistic = content(small[0]) + " "
				}
				p.equal(values[i], statistic+quantity.Format(number(cell), m.Unit), content(queries[0]))
			}
		})
	}
}

func (p paper) method() {
	method := p.section("method")
	lists := p.all("dl", method)
	require.Len(p.t, lists, 3, "how, the client's audit, definitions")
	seconds := func(ns int64) string { return strings.Replace(fmt.Sprint(time.Duration(ns)), "1m0s", "1 min", 1) }
	p.fact(lists[0], "Window", fmt.Sprintf("requests due from %s to %s of the run; what was due earlier is warm-up, recorded and not judged",
		strings.Replace(seconds(p.of.Manifest.FromNS), "10s", "10 s", 1), seconds(p.of.Manifest.ToNS)))
	var good []string
	for _, o := range p.of.Manifest.Scenario.Good {
		good = append(good, o.Text)
	}
	p.fact(lists[0], "Good", strings.Join(good, ", "))
	for _, name := range []string{"Intervals", "Verdicts"} {
		p.exempt(p.valueOf(lists[0], name), "a definition, the same on every page")
	}
	p.duck.ask("select sum(len(chunk_ns) - len(list_distinct(chunk_ns))) / sum(len(chunk_ns)) from 'requests.parquet' where due_ns >= 10e9 and due_ns < 60e9", func(rows [][]string) {
		stamps := p.valueOf(lists[0], "Stamps")
		_, after, _ := strings.Cut(content(stamps), "; ")
		assert.True(p.t, strings.HasPrefix(after, quantity.Format(number(rows[0][0]), quantity.Ratio)+" of all pieces"), content(stamps))
		p.exempt(stamps, "looked at")
	})
	for _, c := range slo.Checks(p.measured) {
		p.fact(lists[1], c.Name, c.Value+"; sound: "+c.Bound)
	}
	p.exempt(lists[2], "definitions, the same on every page")
}

func (p paper) agreement() {
	rows := p.all("tr", p.section("method"))[1:]
	require.Len(p.t, rows, len(p.of.Manifest.Agreement))
	for i, a := range p.of.Manifest.Agreement {
		cells := p.cells(rows[i])
		p.equal(cells[0], a.Name)
		for k, v := range []*float64{a.Client, a.Server} {
			want := "–"
			if v != nil {
				want = quantity.Format(*v, quantity.Unit(a.Unit))
			}
			p.equal(cells[k+1], want)
		}
		assert.Equal(p.t, map[slo.Outcome]string{slo.Met: "agree", slo.Missed: "differ", slo.Unknown: "cannot be compared"}[a.Outcome], content(cells[3]))
		p.exempt(cells[4], "a sentence of run.json")
	}
}

func (p paper) environment() {
	m, dl := p.of.Manifest, p.first("dl", p.section("environment"))
	p.fact(dl, "Served model", m.Server.Model)
	p.fact(dl, "Server version", m.Server.Version)
	p.fact(dl, "Client", fmt.Sprintf("%s/%s, %d cores, %s", m.Host.OS, m.Host.Arch, m.Host.Cores, m.Host.Name))
	p.fact(dl, "Go", m.Tool.Go)
	p.fact(dl, "vllmspec", m.Tool.Version+" "+m.Tool.Commit)
	p.fact(dl, "Address", m.Server.URL)
	p.fact(dl, "Context", quantity.Format(float64(m.Server.MaxModelLen), quantity.Tokens))
	for i, name := range []string{"requests.parquet", "samples.parquet", "run.json", "verdicts.json", "bench.txt"} {
		dt := p.all("dt", p.section("files"))[i]
		p.equal(dt, m.Run+"/"+name)
		assert.FileExists(p.t, filepath.Join(p.of.Dir, name))
	}
}

// nothingElse fails for each number of the page that no check has looked at.
func (p paper) nothingElse() {
	p.equal(p.first(".says", p.section("classes")), "Side by side, of the measured window; intervals are of 95 %.")
	for _, query := range p.all("pre") {
		p.exempt(query, "a query")
	}
	for _, left := range p.left() {
		assert.Fail(p.t, "a number of the page that no file is known to hold: "+left)
	}
}
