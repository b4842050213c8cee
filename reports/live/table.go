package live

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/reports"
)

// A table is the main figures of a run, or of several, in the words and with the digits of their page.
type table struct {
	head []string // above the cells of its rows
	rows []tableRow
}

// A tableRow is a figure of a run, or a run of several.
type tableRow struct {
	name  string
	cells []string
	text  string // in place of cells
}

// absent is the cell of a figure that there is none of.
const absent = "–"

// ofRun is the latencies, throughput and errors of a run. It has no rows where nothing was measured.
func ofRun(figures []reports.Figures) table {
	of := map[string]map[string]string{}
	for _, f := range figures {
		of[f.Name] = map[string]string{}
		for _, value := range f.Values {
			of[f.Name][value.Name] = value.Value
		}
	}
	t := table{head: []string{"mean", "p50", "p90", "p99"}}
	for _, name := range []string{"TTFT", "ITL", "TPOT", "E2E latency"} {
		row, some := tableRow{name: name}, false
		for _, statistic := range t.head {
			value, known := of[name][statistic]
			if some = some || known; !known {
				value = absent
			}
			row.cells = append(row.cells, value)
		}
		if some {
			t.rows = append(t.rows, row)
		}
	}
	for _, name := range []string{"request throughput", "input throughput", metric.NameAudioThroughput, "output throughput", "error rate"} {
		if value, known := of[name][""]; known {
			t.rows = append(t.rows, tableRow{name: name, text: value})
		}
	}
	return t
}

// ofRuns has a row for each run.
func ofRuns(group *trials.Group) table {
	t := table{head: []string{"p50 TTFT", "p99 TTFT", "p50 TPOT", "tokens/s", "errors"}}
	if group.Pooled() {
		t.head = []string{"p50 E2E", "p99 E2E", "inputs/s", "errors"}
	}
	for _, of := range group.Trials {
		row := tableRow{name: fmt.Sprintf("%s %d", group.Kind.One(), of.Number)}
		switch {
		case of.Setting > 0:
			row.name = group.Scale.Quantity(of.Setting)
		case of.Other:
			row.name = fmt.Sprintf("other server %d", of.Number)
		}
		for _, name := range group.Columns() {
			row.cells = append(row.cells, brief(of.Figures, name))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// brief is a figure without its interval, and without its unit where that is tokens per second.
func brief(figures []trials.Figure, name string) string {
	f, known := trials.Named(figures, name)
	switch {
	case !known:
		return absent
	case f.Value == nil:
		return quantity.Format(math.Inf(1), f.Unit)
	case f.Unit == quantity.TokensPerSecond:
		return quantity.Digits(*f.Value)
	}
	return quantity.Format(*f.Value, f.Unit)
}

// columns is how wide a table of figures is at most.
const columns = 80

// figures writes the main figures, numbers to the right.
func (t *Terminal) figures(of table) {
	if len(of.rows) == 0 {
		return
	}
	rows := [][]string{append([]string{""}, of.head...)}
	named := [][]string{}
	for _, row := range of.rows {
		if named = append(named, []string{row.name}); row.cells != nil {
			rows = append(rows, append([]string{""}, row.cells...))
		}
	}
	wide := t.widths(rows)
	wide[0] = t.widths(named)[0]
	write := func(name string, cells []string) {
		line := "      " + pad(name, wide[0])
		for i, cell := range cells {
			line += "  " + strings.Repeat(" ", max(0, wide[i+1]-utf8.RuneCountInString(cell))) + cell
		}
		fmt.Fprintln(t.out, cut(strings.TrimRight(line, " "), columns))
	}
	if len(rows) > 1 {
		write("", rows[0][1:])
	}
	for i, row := range of.rows {
		if row.cells == nil {
			write(named[i][0], []string{t.plain(row.text)})
			continue
		}
		write(named[i][0], row.cells)
	}
}

// widths makes plain text of the cells of a table, and returns how wide each column is.
func (t *Terminal) widths(rows [][]string) (wide []int) {
	for _, row := range rows {
		for k, cell := range row {
			if k == len(wide) {
				wide = append(wide, 0)
			}
			row[k] = t.plain(cell)
			wide[k] = max(wide[k], utf8.RuneCountInString(row[k]))
		}
	}
	return wide
}
