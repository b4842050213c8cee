package loopback

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFreePort_isNoneThatTheSystemGivesOut(t *testing.T) {
	from, to := given()
	seen := map[int]bool{}
	for range 50 {
		port, err := FreePort()
		require.NoError(t, err)
		assert.False(t, port >= from && port <= to, "%d is one of %d to %d", port, from, to)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		require.NoError(t, err)
		defer listener.Close()
		assert.False(t, seen[port], "%d is in use already", port)
		seen[port] = true
	}
}

func TestEphemeral_asLinuxWritesIt(t *testing.T) {
	for lines, want := range map[string][2]int{"32768\t60999\n": {32768, 60999}, "": {0, 0}, "none": {0, 0}, "1024": {0, 0}} {
		from, to := ephemeral(lines)
		assert.Equal(t, want, [2]int{from, to}, lines)
	}
}
