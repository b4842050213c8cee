//go:build linux

package live

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/vllmspec/vllmspec/reports"
)

func at(share float64) reports.View {
	v := running("A run")
	v.Running.Planned = 5 * time.Minute
	v.Running.Now, v.Running.Share = time.Duration(share*float64(v.Running.Planned)), share
	v.Running.Due, v.Running.Total, v.Running.Met, v.Running.Left = 1234, 3, 2, "some time left"
	return v
}

func ended() Ended {
	return Ended{Scenario: "One", Outcome: "missed", Headline: "Missed: p99 TTFT was 731 ms.", Objectives: []reports.Objective{
		{Name: "p99 TTFT", Value: "731 ms", Interval: "[690, 790]", Limit: "at most 500 ms", N: "2,134", Outcome: "missed"},
		{Name: "error rate", Value: "0 %", Limit: "none", N: "2,134", Outcome: "met"},
	}}
}

func TestTerminal_plainLinesComeNowAndThen(t *testing.T) {
	var out bytes.Buffer
	terminal := NewTerminal(&out, func(string) string { return "" })
	wanted := 0
	for share := .01; share < 1; share += .01 {
		if terminal.Wants(*at(share).Running) == Line {
			wanted++
		}
		terminal.Show(at(share))
	}
	assert.Equal(t, 9, wanted)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	assert.Len(t, lines, 9, "one at each tenth")
	assert.Contains(t, lines[0], "objectives: 0 missed, 2 met, 1 not yet known; 32 s of 5 min, some time left; 1,234 ended, 0 failed")
	assert.NotContains(t, out.String(), "\x1b")
}

func TestTerminal_tableHasTheFiguresOfThePage(t *testing.T) {
	var out bytes.Buffer
	NewTerminal(&out, func(string) string { return "" }).Table(ended())
	assert.Equal(t, `    Missed: p99 TTFT was 731 ms.
      ✗ missed   p99 TTFT    731 ms [690, 790]  at most 500 ms  n = 2,134
      ✓ met      error rate  0 %                none            n = 2,134
`, out.String())
}

func TestTerminal_mainFiguresFitIntoEightyColumns(t *testing.T) {
	var out bytes.Buffer
	value := func(name, value string) reports.Fact { return reports.Fact{Name: name, Value: value} }
	of := Ended{Headline: "Met.", Report: "/out/run=2026 a/report.html", Figures: []reports.Figures{
		{Name: "TTFT", Values: []reports.Fact{value("mean", "731 ms"), value("p50", "1.2 s"), value("p90", "1.3 s"), value("p95", "1.35 s"), value("p99", "1.4 s")}},
		{Name: "E2E latency", Values: []reports.Fact{value("mean", "1.5 s")}},
		{Name: "request throughput", Values: []reports.Fact{value("", "8 per second")}},
		{Name: "output throughput", Values: []reports.Fact{value("", strings.Repeat("very ", 20)+"much")}},
		{Name: "error rate", Values: []reports.Fact{value("", "0 %")}},
	}}
	NewTerminal(&out, func(string) string { return "" }).Table(of)
	assert.Equal(t, `    Met.
                            mean    p50    p90    p99
      TTFT                731 ms  1.2 s  1.3 s  1.4 s
      E2E latency          1.5 s      –      –      –
      request throughput  8 per second
      output throughput   very very very very very very very very very very ver…
      error rate             0 %
    report: file:///out/run=2026%20a/report.html
`, out.String())
	for line := range strings.Lines(out.String()) {
		assert.LessOrEqual(t, utf8.RuneCountInString(line), columns+1, line)
	}
}

// pty is a terminal, and what was written to it.
func pty(t *testing.T) (terminal *os.File, written func(last string) string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("this machine gives no terminal; to run this test: mount -t devpts devpts /dev/pts")
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { terminal.Close() })
	return terminal, func(last string) (text string) { // what was written up to this, in however many writes
		raw := make([]byte, 1<<16)
		for !strings.Contains(text, last) {
			n, err := master.Read(raw)
			require.NoError(t, err)
			text += string(raw[:n])
		}
		return text
	}
}

func TestTerminal_writesOverOneLine(t *testing.T) {
	for name, c := range map[string]struct {
		environ       map[string]string
		over, colours bool
	}{
		"a person": {nil, true, true},
		"NO_COLOR": {map[string]string{"NO_COLOR": "1"}, true, false},
		"CI":       {map[string]string{"CI": "true"}, false, false},
		"dumb":     {map[string]string{"TERM": "dumb"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			file, written := pty(t)
			terminal := NewTerminal(file, func(name string) string { return c.environ[name] })
			terminal.Show(at(.5))
			text := written("n")
			assert.Equal(t, c.over, strings.HasPrefix(text, "\r\x1b[K━━"), text)
			of := ended()
			of.Report = "/out/report.html"
			terminal.Table(of)
			last := "report.html\r\n"
			if c.over {
				last = "\x1b]8;;\x1b\\\r\n"
			}
			text = written(last)
			assert.Equal(t, c.colours, strings.Contains(text, "\x1b[31m"))
			assert.Equal(t, c.over, strings.Contains(text, "\x1b]8;;file:///out/report.html\x1b\\file:///out/report.html\x1b]8;;\x1b\\"), "a link")
			assert.Contains(t, text, "file:///out/report.html")
		})
	}
}

func TestTerminal_lineLeavesOutWhatHasNoRoom(t *testing.T) {
	v := at(.25)
	v.Title, v.Part = "A working day's traffic of chats", reports.Part{Which: "point 2 of 3", Setting: "4 per second"}
	v.Running.Failed, v.Running.Left = 2, "3 min 45 s left"
	v.Figures = []reports.Figures{{Name: "TTFT", Values: []reports.Fact{{Name: "p99", Value: "158 ms"}}}}
	for wide, line := range map[int]string{
		160: "[3/14] point 2 of 3 ━━━─────── ✗0 ✓2 ?1 1:15 of 5:00 2 failed p99 TTFT 158 ms 1,234 ended 4 per second 3 min 45 s left A working day's traffic of chats",
		80:  "[3/14] point 2 of 3 ✗0 ✓2 ?1 1:15 of 5:00 2 failed p99 TTFT 158 ms A working d…",
		60:  "[3/14] point 2 of 3 ✗0 ✓2 ?1 1:15 of 5:00 2 failed",
		40:  "[3/14] point 2 of 3 ✗0 ✓2 ?1",
	} {
		terminal := &Terminal{place: "[3/14] ", width: func() int { return wide }}
		got := terminal.line(v)
		assert.Less(t, utf8.RuneCountInString(got), wide)
		assert.Equal(t, line, got)
	}
}

func TestTerminal_saysWhichScenarioOfAllIsRunning(t *testing.T) {
	file, written := pty(t)
	terminal := NewTerminal(file, func(string) string { return "" })
	terminal.Begin("[3/14]", "A run")
	assert.Equal(t, "\r\x1b[K[3/14] A run …", written("…"))
	terminal.Show(at(.5))
	assert.Contains(t, written("━"), "\r\x1b[K[3/14] ━━━━━───── ")
	terminal.Note("a server is ready")
	assert.Equal(t, "\r\x1b[K    a server is ready\r\n", written("\r\n"))

	var out bytes.Buffer
	terminal = NewTerminal(&out, func(string) string { return "" })
	terminal.Begin("[3/14]", "A run")
	terminal.Show(at(.5))
	assert.Contains(t, out.String(), "[3/14] A run\n    [3/14] objectives: 0 missed")
}

func TestTerminal_verdictsFitIntoTheTerminal(t *testing.T) {
	for wide, table := range map[int]string{
		90: "      ✗ missed   p99 TTFT    731 ms [690, 790]  at most 500 ms  n = 2,134\n      ✓ met      error rate  0 %                none            n = 2,134\n",
		70: "      ✗ missed   p99 TTFT    731 ms [690, 790]  at most 500 ms\n      ✓ met      error rate  0 %                none\n",
		60: "      ✗ missed   p99 TTFT\n                 731 ms [690, 790], at most 500 ms, n = 2,134\n      ✓ met      error rate\n                 0 %, none, n = 2,134\n",
	} {
		var out bytes.Buffer
		terminal := &Terminal{out: &out, over: true, width: func() int { return wide }}
		terminal.Table(ended())
		assert.Equal(t, "    Missed: p99 TTFT was 731 ms.\n"+table, out.String())
	}
}
