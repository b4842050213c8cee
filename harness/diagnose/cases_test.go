package diagnose_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

var update = flag.Bool("update", false, "write the causes in testdata anew")

// TestExplain holds each cause, and where the time went, of the runs in testdata.
func TestExplain(t *testing.T) {
	cases, err := runtest.Cases(os.DirFS("testdata"), "*.test")
	require.NoError(t, err)
	written := map[string]string{} // causes by file:line
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			for _, want := range c.Wants {
				holdsOfTimes(t, diagnose.TimesOf(measure.Of(c.Run)), want)
			}
			for _, row := range c.Rows {
				v := judge(t, c.Run, row.Subject, row.Expectation)
				assert.Equal(t, row.Outcome, string(v.Outcome), "%s: %v", row.Where, v.Notes)
				verdicts := []slo.Verdict{v}
				diagnose.Explain(verdicts, measure.Of(c.Run))
				for _, want := range row.Wants {
					if *update && want.Key == "cause" {
						written[want.Where] = verdicts[0].Cause.String()
						continue
					}
					holdsOfVerdict(t, verdicts[0], want)
				}
			}
		})
	}
	if *update {
		rewrite(t, written)
	}
}

// holdsOfTimes holds where the time of a run's requests went.
func holdsOfTimes(t *testing.T, times diagnose.Times, want runtest.Want) {
	t.Helper()
	switch want.Key {
	case "phases":
		assertPhases(t, phases(t, want), times.All.Phases)
	case "split": // the server's metrics say how its time is to be split
		assert.Equal(t, want.Text == "yes", times.Read, want.Where)
	default:
		t.Errorf("%s: %q says nothing of where time went", want.Where, want.Key)
	}
}

// holdsOfVerdict holds what is said of a verdict.
func holdsOfVerdict(t *testing.T, v slo.Verdict, want runtest.Want) {
	t.Helper()
	switch want.Key {
	case "cause":
		assert.Equal(t, want.Text, v.Cause.String(), want.Where)
	case "note":
		assert.Contains(t, strings.Join(v.Notes, "\n"), want.Text, want.Where)
	default:
		t.Errorf("%s: %q says nothing of a cause", want.Where, want.Key)
	}
}

// phases reads "client 100ms, front end 50ms".
func phases(t *testing.T, want runtest.Want) (p diagnose.Phases) {
	t.Helper()
	of := map[string]*float64{"client": &p.Client, "network": &p.Network, "front end": &p.FrontEnd, "queue": &p.Queue,
		"prefill": &p.Prefill, "decode": &p.Decode, "stall": &p.Stall, "server": &p.Server}
	for part := range strings.SplitSeq(want.Text, ", ") {
		space := strings.LastIndexByte(part, ' ')
		require.Positive(t, space, "%s: %q", want.Where, part)
		require.Contains(t, of, part[:space], want.Where)
		d, err := time.ParseDuration(part[space+1:])
		require.NoError(t, err, want.Where)
		*of[part[:space]] = d.Seconds()
	}
	return p
}

// rewrite writes causes into the lines that they are of.
func rewrite(t *testing.T, causes map[string]string) {
	t.Helper()
	files, err := os.ReadDir("testdata")
	require.NoError(t, err)
	for _, f := range files {
		raw, err := os.ReadFile("testdata/" + f.Name())
		require.NoError(t, err)
		lines := strings.SplitAfter(string(raw), "\n")
		for i := range lines {
			if cause, has := causes[fmt.Sprintf("%s:%d", f.Name(), i+1)]; has {
				lines[i] = strings.TrimRight("    cause "+cause, " ") + "\n"
			}
		}
		require.NoError(t, os.WriteFile("testdata/"+f.Name(), []byte(strings.Join(lines, "")), 0o644))
	}
}

func judge(t *testing.T, run *harness.Run, subject, expectation string) slo.Verdict {
	t.Helper()
	o, err := slo.Parse(subject, expectation)
	require.NoError(t, err)
	return slo.Judge(measure.Of(run), []harness.Objective{o})[0]
}
