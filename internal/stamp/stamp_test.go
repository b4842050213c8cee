package stamp

import (
	"net"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pair is a stamped connection and its other end.
func pair(t *testing.T) (near *Conn, far net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	far, err = listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(); far.Close() })
	return New(conn), far
}

func TestConn_kernelSaysWhenDataCame(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("kernel stamps are there on Linux only")
	}
	const busy = 200 * time.Millisecond // long against what a loaded machine takes to deliver five bytes
	near, far := pair(t)
	var late, waited time.Duration
	// The first socket that asks for stamps has the kernel begin to make them, which it
	// leaves to a worker (netstamp_work of net/core/dev.c): what comes before that is
	// stamped when it is read.
	for try := 0; try < 5 && waited == 0; try++ {
		_, err := far.Write([]byte("hello"))
		require.NoError(t, err)
		written := time.Now()
		time.Sleep(busy) // the client is at something else
		buffer := make([]byte, 16)
		n, err := near.Read(buffer)
		require.NoError(t, err)
		assert.Equal(t, "hello", string(buffer[:n]))
		var arrived time.Time
		arrived, waited = near.Last()
		late = arrived.Sub(written)
	}
	assert.GreaterOrEqual(t, waited, busy/4, "that is ours")
	assert.Less(t, late, busy*3/4, "and not the server's")
}

func TestConn_endsAsAnyOther(t *testing.T) {
	near, far := pair(t)
	require.NoError(t, near.SetReadDeadline(time.Now().Add(-time.Second)))
	_, err := near.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, near.SetReadDeadline(time.Time{}))
	far.Close()
	_, err = near.Read(make([]byte, 1))
	assert.EqualError(t, err, "EOF")

	near, far = pair(t)
	require.NoError(t, far.(*net.TCPConn).SetLinger(0))
	far.Close()
	_, err = near.Read(make([]byte, 1))
	assert.ErrorContains(t, err, "connection reset")
	near.Close()
	_, err = near.Read(make([]byte, 1))
	assert.ErrorIs(t, err, net.ErrClosed)
}

func TestConn_ownClockStampsWhereTheKernelDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		conn := New(a)
		begin := time.Now()
		go func() {
			time.Sleep(time.Minute)
			b.Write([]byte("x"))
			b.Close()
		}()
		_, err := conn.Read(make([]byte, 1))
		require.NoError(t, err)
		arrived, waited := conn.Last()
		assert.Equal(t, time.Minute, arrived.Sub(begin))
		assert.Equal(t, Unknown, waited)
	})
}
