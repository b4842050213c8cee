// Measures prints the size and shape of the Go code of a module: how long functions and files are, how
// many methods a type has, how large packages are. The table in docs/architecture.md is made with it,
// and a test beside it holds the limits that the code keeps.
//
//	go run ./internal/measures [FOLDER]
package main

import (
	"fmt"
	"os"
	"text/tabwriter"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	code, err := read(root)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, row := range code.table() {
		fmt.Fprintf(out, "%s\t%s\n", row.what, row.value)
	}
	_ = out.Flush()
}

// A row is one measure of the table.
type row struct{ what, value string }

// table is every measure of the code, in words and figures.
func (c *code) table() []row {
	lengths, branches := c.each(func(f function) int { return f.lines }), c.each(func(f function) int { return f.branches })
	method, methods := c.mostMethods()
	wide, fields := c.widestStruct()
	folder, size := c.largestPackage()
	percent := func(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(1, of))) }
	return []row{
		{"lines of Go outside tests (files)", fmt.Sprintf("%d (%d)", c.lines, len(c.files))},
		{"functions", fmt.Sprint(len(c.functions))},
		{"function length: mean / p90 / p99 / max", fmt.Sprintf("%.1f / %d / %d / %d", mean(lengths), quantile(lengths, 0.9), quantile(lengths, 0.99), quantile(lengths, 1))},
		{"functions over 60 lines", fmt.Sprint(over(lengths, 60))},
		{"cyclomatic complexity: p99 / max; share over 10", fmt.Sprintf("%d / %d; %s", quantile(branches, 0.99), quantile(branches, 1), percent(over(branches, 10), len(branches)))},
		{"files over 400 lines", fmt.Sprint(over(c.sizes(), 400))},
		{"comment lines per line of code", fmt.Sprintf("%.2f", float64(c.comments)/float64(max(1, c.lines-c.comments-c.blank)))},
		{"share of lines over 120 columns", percent(c.wide, c.lines)},
		{"most methods on one type", fmt.Sprintf("%d (%s)", methods, method)},
		{"most fields in one struct", fmt.Sprintf("%d (%s)", fields, wide)},
		{"functions with more than 5 parameters; with 2 booleans or more", fmt.Sprintf("%d; %d", c.manyParameters, c.manyBooleans)},
		{"largest package, in lines", fmt.Sprintf("%d (%s)", size, folder)},
		{"packages", fmt.Sprint(len(c.packages))},
		{"lines of tests per line outside them", fmt.Sprintf("%.2f", float64(c.testLines)/float64(max(1, c.lines)))},
		{"tests / fuzz targets / benchmarks / examples / parallel tests", fmt.Sprintf("%d / %d / %d / %d / %d", c.kinds["Test"], c.kinds["Fuzz"], c.kinds["Benchmark"], c.kinds["Example"], c.parallel)},
	}
}
