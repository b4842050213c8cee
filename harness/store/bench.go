package store

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/vllmspec/vllmspec/harness"
)

// A Measured is what one run of a scenario gave: one benchmark line.
type Measured struct {
	Requests int // in all, warm-up included
	Figures  []harness.Figure
}

// Bench writes the figures of a scenario's runs in Go's benchmark format
// (golang.org/design/14313-benchmark-format), which benchstat reads, one line for
// each. Labels become configuration lines, so that unlike runs are not compared by
// accident.
func Bench(scenario string, labels map[string]string, runs ...Measured) []byte {
	var out bytes.Buffer
	w := benchfmt.NewWriter(&out)
	for _, run := range runs {
		line := benchfmt.Result{Name: benchfmt.Name(benchName(scenario)), Iters: max(run.Requests, 1)}
		for _, key := range slices.Sorted(maps.Keys(labels)) {
			if value := plain(labels[key]); value != "" {
				line.SetConfig(labelKey(key), value)
			}
		}
		for i := range line.Config {
			line.Config[i].File = true
		}
		for _, f := range run.Figures {
			line.Values = append(line.Values, benchfmt.Value{Value: f.Value, Unit: BenchUnit(f)})
		}
		if err := w.Write(&line); err != nil {
			panic(err) // a buffer takes everything
		}
	}
	return out.Bytes()
}

// benchName is a scenario's name as the format wants it: "A_working_day".
func benchName(scenario string) string {
	name := strings.ReplaceAll(slug(scenario), "-", "_")
	if name == "" {
		return "Run"
	}
	first := []rune(name)[0]
	return strings.ToUpper(string(first)) + name[len(string(first)):]
}

// BenchUnit is the figure's name with its unit, without spaces: "p99-TTFT-sec", and
// of a class of the traffic "chat:p99-TTFT-sec".
func BenchUnit(f harness.Figure) string {
	suffix := map[string]string{"s": "-sec", "/s": "/s", "tokens/s": "-tokens/s", "ratio": "-ratio", "bytes": "-bytes", "W": "-watts"}[f.Unit]
	return strings.ReplaceAll(strings.Join(strings.Fields(f.Name), "-"), ":-", ":") + suffix
}

// labelKey is a label's name as the format wants it: "server-version".
func labelKey(name string) string { return slug(name) }

// plain is a label's value in one line.
func plain(value string) string { return strings.Join(strings.Fields(value), " ") }
