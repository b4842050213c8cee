package reports_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/suite"
)

// A tests is a go test of features of its own, in real time.
type tests struct {
	address, out string
	done         chan bool // whether it passed
	finish       chan struct{}
}

// start runs a feature, and returns once its live page has an address. The page stays until the test ends.
func start(t *testing.T, feature string) tests {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	of := tests{out: t.TempDir(), done: make(chan bool, 1), finish: make(chan struct{})}
	file := filepath.Join(t.TempDir(), "seen.feature")
	require.NoError(t, os.WriteFile(file, []byte(feature), 0o644))
	read, write := io.Pipe()
	s := suite.New(environment.Environment{Root: root, RealTime: true, Features: []string{file}, Out: of.out, Dashboard: "127.0.0.1:0", Lenient: true},

		time.Time{}, new(suite.Interrupt), io.Discard)
	s.ShowProgress(write)
	features, err := s.Features()
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		passed, err := s.Run(features[0])
		assert.NoError(t, err)
		of.done <- passed
		<-of.finish
		assert.NoError(t, s.Close())
		write.Close()
	}()
	said := make(chan string, 1)
	go func() {
		var all strings.Builder
		buffer := make([]byte, 4096)
		for sent := false; ; {
			n, err := read.Read(buffer)
			all.Write(buffer[:n])
			if _, after, found := strings.Cut(all.String(), "live at "); found && !sent {
				if address, _, whole := strings.Cut(after, "\n"); whole {
					said <- address
					sent = true
				}
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		select {
		case <-of.finish:
		default:
			close(of.finish)
		}
		<-ended
	})
	select {
	case of.address = <-said:
	case <-time.After(time.Minute):
		t.Fatal("no live page has begun")
	}
	return of
}

const seen = `Feature: Seen
  Scenario: Seen while it runs
    Given the model "llama-3.1-8b" is being served
    And conversations are drawn from "prompts"
    And answers are at most 20 tokens long
    And requests arrive evenly at 25 per second
    And the first 1 seconds are warm-up
    When the load runs for %s
    Then these objectives are met:
      | p95 TTFT   | at most 5 s  |
      | p50 TPOT   | at most 1 s  |
      | error rate | none         |
      | requests   | at least 100 |
`

// objectivesOf are the rows of a page as a person reads them.
const objectivesOf = `[...document.querySelectorAll('.objective summary')].map(s => ['name', 'value', 'interval', 'n', 'outcome'].map(c => s.querySelector('.' + c).textContent.trim()).join('|')).join('\n')`

// TestLivePage_endsAsTheReportThatIsKept follows a real run in a real browser to its last
// frame. What it says then is what the saved report says, and that is what verdicts.json holds.
func TestLivePage_endsAsTheReportThatIsKept(t *testing.T) {
	browserHere(t)
	of := start(t, fmt.Sprintf(seen, "6 seconds"))
	v := visit(t, of.address, 1440, 900)
	v.until(`Number(document.body.dataset.frames) >= 2`)
	assert.Contains(t, v.text("h1"), "Running")
	assert.Regexp(t, `\d+ s of 6 s, \d+ s left · \d+ requests ended, 0 failed`, v.text(".onward"))
	v.picture("live-1440")
	before := sees[int](v, `document.querySelectorAll('main canvas').length`)
	v.until(`document.body.dataset.ended === 'true'`)
	<-of.done
	v.picture("live-last-1440")
	last := sees[string](v, objectivesOf)
	headline, figures := v.text("h1"), v.text(".figures")
	assert.GreaterOrEqual(t, sees[int](v, `document.querySelectorAll('main canvas').length`), before, "no chart went away")
	assert.Empty(t, v.elsewhere())

	runs, err := filepath.Glob(filepath.Join(of.out, "run=*"))
	require.NoError(t, err)
	require.Len(t, runs, 1)
	saved := visit(t, "file://"+filepath.Join(runs[0], "report.html"), 1440, 900)
	assert.Equal(t, last, sees[string](saved, objectivesOf))
	assert.Equal(t, headline, saved.text("h1"))
	assert.Equal(t, figures, saved.text(".figures"))

	raw, err := os.ReadFile(filepath.Join(runs[0], "verdicts.json"))
	require.NoError(t, err)
	var verdicts []slo.Verdict
	require.NoError(t, json.Unmarshal(raw, &verdicts))
	require.Len(t, verdicts, 4)
	for i, line := range strings.Split(last, "\n") {
		verdict := verdicts[i]
		assert.Equal(t, strings.Join([]string{verdict.Name(), quantity.Format(verdict.Value, verdict.Unit), strings.TrimSpace(verdict.Interval()),
			"n = " + quantity.Format(float64(verdict.N), quantity.Count), string(verdict.Outcome)}, "|"), line)
	}
}

// TestLivePage_keepsItsChartsFromRunToRun has a page follow one run, and the next one.
func TestLivePage_keepsItsChartsFromRunToRun(t *testing.T) {
	browserHere(t)
	of := start(t, strings.Replace(fmt.Sprintf(seen, "4 seconds"), "    When", "    And everything is repeated 2 times\n    When", 1))
	const charts = `[...document.querySelectorAll('main [data-chart]')].map(c => c.dataset.chart + (c.querySelector('canvas') ? ' drawn' : '')).join('\n')`
	const keys = `document.querySelector('[data-keys=offered]').textContent`
	v := visit(t, of.address, 1440, 900)
	v.until(`Number(document.body.dataset.frames) >= 2 && document.body.dataset.ended === 'false'`)
	before, legend := sees[string](v, charts), sees[string](v, keys)
	require.Contains(t, before, "offered drawn")
	v.until(`document.querySelector('a[href="runs/1/report.html"]') && document.body.dataset.ended === 'false' && document.querySelector('.onward')`)
	assert.Contains(t, sees[string](v, charts), "story drawn\noffered drawn", "there are readings for the others later")
	assert.Equal(t, legend, sees[string](v, keys))
	assert.True(t, <-of.done)
	v.until(`document.body.dataset.ended === 'true'`)
	assert.GreaterOrEqual(t, strings.Count(sees[string](v, charts), "drawn"), strings.Count(before, "drawn"), "no chart went away")
}

// TestLivePage_stopsARun presses the button, and once more, which it asks for; the run is stored and says why it ended.
func TestLivePage_stopsARun(t *testing.T) {
	browserHere(t)
	of := start(t, fmt.Sprintf(seen, "5 minutes"))
	v := visit(t, of.address, 1440, 900)
	v.until(`Number(document.body.dataset.frames) >= 1`)
	v.click("[data-stop-button]")
	assert.Equal(t, "Press again to stop", v.text("[data-stop-button]"))
	frames := sees[int](v, `Number(document.body.dataset.frames)`)
	v.until(fmt.Sprintf(`Number(document.body.dataset.frames) > %d`, frames))
	assert.Contains(t, v.text("h1"), "Running", "one press may be a stray one")
	v.click("[data-stop-button]")
	v.until(`document.body.dataset.ended === 'true'`)
	assert.False(t, <-of.done, "what a person has ended is no pass, also where what is unknown is let pass")
	assert.Contains(t, v.text("header"), "the run ended early: interrupted by the stop button of its page")
	runs, err := filepath.Glob(filepath.Join(of.out, "run=*", "report.html"))
	require.NoError(t, err)
	assert.Len(t, runs, 1)
	close(of.finish) // the tests are over, and their page with them
	v.until(`document.querySelector('[data-connection]').textContent.includes('last frame')`)
}
