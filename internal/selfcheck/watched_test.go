//go:build unix

package selfcheck

import (
	"bufio"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/reports/live"
)

func TestViewers_getFramesUntilItIsOver(t *testing.T) {
	server, err := live.Listen("127.0.0.1:0")
	require.NoError(t, err)
	in, leave := io.Pipe()
	said, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- follow(in, out, server.URL(), "3") }()
	lines := bufio.NewReader(said)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "all of them look on\n", line)

	p := page{server: server}
	watch := p.watch(harness.Scenario{Name: "Seen", Load: harness.Closed{Users: 1, For: time.Minute}}, experiment.Manifest{}, func() {}) // its first view is the second frame
	require.NoError(t, watch.Close())
	require.NoError(t, server.Close()) // they get it before their streams end
	leave.Close()
	var frames []int
	require.NoError(t, json.NewDecoder(lines).Decode(&frames))
	require.NoError(t, <-ended)
	require.Len(t, frames, 3)
	assert.GreaterOrEqual(t, slices.Min(frames), 2, "%v", frames)
}

func TestViewers_ofNothingSaySo(t *testing.T) {
	server, err := live.Listen("127.0.0.1:0")
	require.NoError(t, err)
	url := server.URL()
	require.NoError(t, server.Close())
	assert.ErrorContains(t, follow(strings.NewReader(""), io.Discard, url, "2"), "refused")
}

func TestPage_isHeldAgainstTheSameRoundWithoutIt(t *testing.T) {
	round := func(core, lag, itl float64, viewers, frames int) grade {
		return grade{Check: check{Shown: viewers > 0, Viewers: viewers}, Core: core, Lag: spread{80, lag}, ITL: spread{2, itl}, Gap: spread{50_000, 50_100}, Frames: frames}
	}
	var out strings.Builder
	printWatched(&out, []grade{{Check: check{Name: "a load"}}, {Check: check{Name: "2 a second", Tokens: 4, Gap: 50 * time.Millisecond}, Watched: []watched{
		{"without the page", []grade{round(.50, 900, 60, 0, 0), round(.60, 1000, 50, 0, 0)}},
		{"watched by ten", []grade{round(.53, 900, 90, 10, 14), round(.62, 1100, 50, 10, 15)}},
	}}})
	assert.NotContains(t, out.String(), "unknown")
	rows := strings.Split(out.String(), "\n")
	assert.Regexp(t, `^2 a second, 4 tokens each at 20 a second: median of 2 rounds`, rows[1])
	assert.Regexp(t, `^ *55.0 % \[50.0, 60.0\] +– +80/950 +– +2/55 +– .*without the page$`, rows[4])
	assert.Regexp(t, `^ *57.5 % \[53.0, 62.0\] +2.5 % \[2.0, 3.0\] +80/1000 +1.05 \[1.00, 1.10\] +2/70 +1.25 \[1.00, 1.50\] .* 14 +watched by ten$`, rows[5])

	late := round(.5, 900, 60, 10, 14)
	late.Unsound = []string{"the client was late"}
	out.Reset()
	printWatched(&out, []grade{{Check: check{Tokens: 4, Gap: time.Second}, Watched: []watched{{"watched by ten", []grade{late, round(.5, 900, 60, 10, 14)}}}}})
	assert.Contains(t, out.String(), "\nwatched by ten: in 1 of 2 rounds every verdict is unknown: the client was late\n")
}
