package sampler

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// FuzzPage holds the reader of pages against the one of Prometheus's own library: what both of them read
// is the same values. Ours reads line by line, and takes some pages that the other refuses. The library
// reads a name in quotes before the braces, "a"{b="c"} 1, which the server itself refuses
// (model/textparse/promlex.l: a line begins with a name or a brace); so does ours. Both of them let a value
// follow a name with nothing between, so that p-7 7 is -7 of p at 7 ms; ours, which takes names with dashes and
// dots as some exporters write them, reads 7 of p-7. Such lines are not compared.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{"# TYPE a gauge\na 1\n", "a{b=\"c\\\"d\\n\",e=\"f\"} 1.5e3 1700000000000\n", "a{le=\"+Inf\"} +Inf\na NaN\n", "{\"a.b\",c=\"d\"} 2\n", "{c=\"d\"} 2\n", "{\"\" c=\"d\"} 2\n", "a 1\na 2\n", "# HELP a x\n# TYPE a counter\na_total 3 # {trace_id=\"x\"} 1\n",
		"a{b=\"c\",} 1\n", "a 0x1p-2\n", "a{b=\"\xff\"} 1\n", "\xef\xbb\xbfa 1\r\n", "a{b = \"c\"}\t5\n", "a", "vllm:num_requests_running{engine=\"0\",model_name=\"x\"} 5.0\n", "p-7 7\n"} {
		f.Add([]byte(seed))
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	f.Fuzz(func(t *testing.T, raw []byte) {
		all, err := newPage("text/plain", raw).metrics(func(string) bool { return true })
		seen := map[string]bool{}
		for _, m := range all {
			require.NotEmpty(t, m.name)
			require.False(t, seen[m.series()], "%q comes twice", m.series())
			seen[m.series()] = true
		}
		families, wrong := parser.TextToMetricFamilies(strings.NewReader(string(raw)))
		if err != nil || wrong != nil || joined.Match(raw) {
			return
		}
		for name, family := range families {
			for _, theirs := range family.GetMetric() {
				if theirs.GetUntyped() == nil && theirs.GetGauge() == nil && theirs.GetCounter() == nil {
					continue
				}
				m := metric{name: name, labels: map[string]string{}}
				for _, label := range theirs.GetLabel() {
					if label.GetValue() != "" { // one without a value is none, as Prometheus has it
						m.labels[label.GetName()] = label.GetValue()
					}
				}
				value := theirs.GetUntyped().GetValue() + theirs.GetGauge().GetValue() + theirs.GetCounter().GetValue()
				if !seen[m.series()] {
					t.Fatalf("%s is not read of %q", m.series(), raw)
				}
				same := false // of a series that comes twice ours is the first
				for _, ours := range all {
					same = same || ours.series() == m.series() && (ours.value == value || math.IsNaN(ours.value) && math.IsNaN(value) || len(family.GetMetric()) > 1)
				}
				require.True(t, same, "%s = %v", m.series(), value)
			}
		}
	})
}

// joined finds a line whose name ends at a character that cannot be in one, and no space.
var joined = regexp.MustCompile(`(?m)^\s*[a-zA-Z_:][a-zA-Z0-9_:]*[^a-zA-Z0-9_:\s{]`)
