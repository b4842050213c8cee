//go:build unix

package selfcheck

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWaiting_isMeasuredWithEitherTimer(t *testing.T) {
	c := check{Name: "waiting", Streams: 50, Tokens: 1, Over: 50 * time.Millisecond, Waiting: true}
	for _, precise := range []bool{true, false} {
		w, err := c.waitWith(precise)
		require.NoError(t, err)
		assert.Positive(t, w.Core)
		assert.Positive(t, w.Lag.P99)
	}
	var out strings.Builder
	printWaiting(&out, []grade{{Check: check{Name: "a load"}}, {Check: c, Waiting: &waiting{Precise: waited{.071, spread{80, 150}}, Own: waited{.04, spread{540, 1120}}}}})
	assert.Equal(t, `
  send lag  of one core  waiting
    80/150        7.1 %  with the timer of a live run
  540/1120        4.0 %  with Go's own
`, "\n"+strings.TrimLeft(out.String(), "\n"))
}
