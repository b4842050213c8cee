package openai

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// dial opens a connection, as net.Dialer.DialContext does.
type dial func(ctx context.Context, network, address string) (net.Conn, error)

// A stampedConn knows when what it read last had arrived. Where the kernel
// stamps what it receives, on Linux over TCP, that is when the segment came, and
// a client that was busy, throttled or collecting garbage since then does not
// make the server look slow; elsewhere it is when the read returned. Either
// stamp is taken before anything is parsed, and below TLS.
type stampedConn struct {
	net.Conn
	base    time.Time    // instants below count from here, in nanoseconds
	arrived atomic.Int64 // what was read last
	read    atomic.Int64 // when the read returned that brought it
	wrote   atomic.Int64 // when the first write began since fresh was called; 0: none yet
	kernel  *kernelStamps
}

// stamping wraps the connections that a dialer opens.
func stamping(open dial) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := open(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := &stampedConn{Conn: conn, base: time.Now()}
		c.kernel = newKernelStamps(conn)
		return c, nil
	}
}

// Read reads once from the connection.
func (c *stampedConn) Read(p []byte) (n int, err error) {
	var stamp int64 // of the kernel, in nanoseconds since 1970; 0: none
	if c.kernel != nil {
		n, stamp, err = c.kernel.read(p)
	} else {
		n, err = c.Conn.Read(p)
	}
	if n > 0 {
		now := time.Now()
		age := time.Duration(now.UnixNano() - stamp)
		if stamp == 0 || age < 0 || age > oldest {
			age = 0 // no stamp, or the wall clock was set
		}
		c.read.Store(int64(now.Sub(c.base)))
		c.arrived.Store(int64(now.Sub(c.base) - age))
	}
	return n, err
}

// Write writes, and remembers when it began to.
func (c *stampedConn) Write(p []byte) (int, error) {
	c.wrote.CompareAndSwap(0, max(1, int64(time.Since(c.base))))
	return c.Conn.Write(p)
}

// fresh begins a request on the connection.
func (c *stampedConn) fresh() { c.wrote.Store(0) }

// written is when the request began to be written.
func (c *stampedConn) written() time.Time { return c.base.Add(time.Duration(c.wrote.Load())) }

// oldest is the age of data that we believe: what is older was not stamped by
// the clock that we compare it with.
const oldest = time.Minute

// stamp is when the data arrived that was read last, and how long it then waited
// for us; Never where the kernel does not say.
func (c *stampedConn) stamp() (arrived time.Time, waited time.Duration) {
	at, read := time.Duration(c.arrived.Load()), time.Duration(c.read.Load())
	if waited = read - at; c.kernel == nil {
		waited = harness.Never
	}
	return c.base.Add(at), waited
}

// stampsOf finds the stamped connection under TLS.
func stampsOf(conn net.Conn) *stampedConn {
	if secured, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secured.NetConn()
	}
	stamped, _ := conn.(*stampedConn)
	return stamped
}
