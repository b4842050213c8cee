package store

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// Bench writes the figures of a run in Go's benchmark format (golang.org/design/
// 14313-benchmark-format), which benchstat reads. Labels become configuration
// lines, so that unlike runs are not compared by accident.
func Bench(scenario string, n int, figures []harness.Figure, labels map[string]string) []byte {
	var out bytes.Buffer
	keys := make([]string, 0, len(labels))
	for key := range labels {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		fmt.Fprintf(&out, "%s: %s\n", key, strings.Join(strings.Fields(labels[key]), " "))
	}
	name := strings.ReplaceAll(slug(scenario), "-", "_")
	fmt.Fprintf(&out, "Benchmark%s%s %d", strings.ToUpper(name[:1]), name[1:], max(n, 1))
	for _, f := range figures {
		fmt.Fprintf(&out, " %.9g %s", f.Value, unit(f))
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// unit is the figure's name with its unit, without spaces: "p99-TTFT-sec".
func unit(f harness.Figure) string {
	suffix := map[string]string{"s": "-sec", "/s": "/s", "tokens/s": "-tokens/s", "ratio": "-ratio", "bytes": "-bytes", "W": "-watts"}[f.Unit]
	return strings.Join(strings.Fields(f.Name), "-") + suffix
}
