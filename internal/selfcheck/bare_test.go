//go:build unix

package selfcheck

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answer drains what a server says to one request before it closes.
func answer(t *testing.T, says string) error {
	t.Helper()
	ours, theirs := net.Pipe()
	go func() {
		buffer := make([]byte, 64)
		_, err := theirs.Read(buffer)
		assert.NoError(t, err)
		for _, piece := range strings.SplitAfter(says, "|") {
			_, err := io.WriteString(theirs, strings.TrimSuffix(piece, "|"))
			assert.NoError(t, err)
		}
		theirs.Close()
	}()
	return drain(ours, "POST /")
}

func TestBareReader_readsWholeAnswersOnly(t *testing.T) {
	require.NoError(t, answer(t, "HTTP/1.1 200 OK\r\n\r\n5\r\nhello\r\n|0\r\n\r\n"))
	assert.ErrorContains(t, answer(t, "HTTP/1.1 200 OK\r\n\r\n5\r\nhel"), "hel")
}

func TestBareReader_standsBesideTheLoad(t *testing.T) {
	var out strings.Builder
	printBare(&out, []grade{{Check: check{Name: "a load"}, CPUPerToken: 18}, {Check: check{Name: "a load, only read"}, Bare: &bare{12}}, {Check: check{Name: "another"}, CPUPerToken: 3}})
	assert.Equal(t, `
  CPU/token  a load, only read
       12.0  only to read them, with nothing looked at
       18.0  to stamp, parse and keep them: × 1.50
`, out.String())
}
