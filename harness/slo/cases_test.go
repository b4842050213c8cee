package slo_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// TestJudge holds the verdicts of the runs in testdata.
func TestJudge(t *testing.T) {
	cases, err := runtest.Cases(os.DirFS("testdata"), "*.test")
	require.NoError(t, err)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			setGood(t, c)
			w := measure.Of(c.Run)
			for _, want := range c.Wants {
				holdsOfAudit(t, slo.Audit(w), want)
			}
			for _, row := range c.Rows {
				o, err := slo.Parse(row.Subject, row.Expectation)
				require.NoError(t, err, row.Where)
				v := slo.Judge(w, []harness.Objective{o})[0]
				assert.Equal(t, row.Outcome, string(v.Outcome), "%s: %s %v", row.Where, v.Sentence(), v.Notes)
				for _, want := range row.Wants {
					holdsOfVerdict(t, v, want)
				}
			}
		})
	}
}

// setGood makes those requests good that are within the limits of a case.
func setGood(t *testing.T, c runtest.Case) {
	t.Helper()
	for _, row := range c.Good {
		o, err := slo.ParseGood(row[0], row[1])
		require.NoError(t, err, c.Where)
		c.Run.Scenario.Good = append(c.Run.Scenario.Good, o)
	}
	if len(c.Good) == 0 {
		return
	}
	good, records := metric.GoodRequest(c.Run.Scenario.Good), slices.Collect(c.Run.Records)
	for i := range records {
		records[i].Good = good(&records[i])
	}
	c.Run.Records = slices.Values(records)
}

// holdsOfAudit holds what is said of the audit of a run.
func holdsOfAudit(t *testing.T, found []slo.Finding, want runtest.Want) {
	t.Helper()
	var texts []string
	for _, f := range found {
		texts = append(texts, f.Text)
	}
	switch want.Key {
	case "sound":
		assert.Empty(t, texts, want.Where)
	case "finding":
		assert.Contains(t, strings.Join(texts, "\n"), want.Text, want.Where)
	default:
		t.Errorf("%s: %q says nothing of a run", want.Where, want.Key)
	}
}

// holdsOfVerdict holds what is said of a verdict. Numbers have the unit of its metric.
func holdsOfVerdict(t *testing.T, v slo.Verdict, want runtest.Want) {
	t.Helper()
	switch want.Key {
	case "value":
		isQuantity(t, want, v, want.Text, v.Value)
	case "interval":
		low, high, _ := strings.Cut(want.Text, " to ")
		isQuantity(t, want, v, low, v.Lo)
		isQuantity(t, want, v, high, v.Hi)
	case "n":
		assert.Equal(t, want.Text, strconv.Itoa(v.N), want.Where)
	case "note":
		assert.Contains(t, strings.Join(v.Notes, "\n"), want.Text, want.Where)
	default:
		t.Errorf("%s: %q says nothing of a verdict", want.Where, want.Key)
	}
}

// isQuantity holds a number to one as a row writes it, within one in a thousand.
func isQuantity(t *testing.T, want runtest.Want, v slo.Verdict, text string, got float64) {
	t.Helper()
	o, err := slo.Parse(v.Name(), "exactly "+text)
	require.NoError(t, err, want.Where)
	assert.InEpsilon(t, o.Limit, got, 1e-3, "%s: %s", want.Where, quantity.Format(got, v.Unit))
}
