//go:build linux

package live

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

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

func ended() reports.View {
	return reports.View{Outcome: "missed", Headline: "Missed: p99 TTFT was 731 ms.", Objectives: []reports.Objective{
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
	assert.Contains(t, lines[0], "1,234 ended, 0 failed; objectives: 2 met, 0 missed, 1 open so far")
	assert.NotContains(t, out.String(), "\x1b")
}

func TestTerminal_tableHasTheFiguresOfThePage(t *testing.T) {
	var out bytes.Buffer
	terminal := NewTerminal(&out, func(string) string { return "" })
	v := ended()
	terminal.Table(v.Outcome, v.Headline, v.Objectives)
	assert.Equal(t, `    Missed: p99 TTFT was 731 ms.
      ✗ missed   p99 TTFT    731 ms [690, 790]  at most 500 ms  n = 2,134
      ✓ met      error rate  0 %                none            n = 2,134
`, out.String())
}

// pty is a terminal, and what was written to it.
func pty(t *testing.T) (terminal *os.File, written func() string) {
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
	return terminal, func() string {
		raw := make([]byte, 1<<16)
		n, err := master.Read(raw)
		require.NoError(t, err)
		return string(raw[:n])
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
			text := written()
			assert.Equal(t, c.over, strings.HasPrefix(text, "\r\x1b[K━━"), text)
			v := ended()
			terminal.Table(v.Outcome, v.Headline, v.Objectives)
			assert.Equal(t, c.colours, strings.Contains(written(), "\x1b[31m"))
		})
	}
}
