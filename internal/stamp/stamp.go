// Package stamp tells when data arrived on a connection. Where the kernel stamps
// what it receives, on Linux over TCP, that is when the segment came, and a
// process that was busy, throttled or collecting garbage since then does not
// make its peer look slow; elsewhere it is when the read returned. Either stamp
// is taken before anything is parsed, and below TLS.
package stamp

import (
	"net"
	"sync/atomic"
	"time"
)

// Unknown is how long data waited where only our own clock stamped it.
const Unknown time.Duration = -1

// A Conn knows when what it read last had arrived. It may be asked by another
// goroutine than the one that reads.
type Conn struct {
	net.Conn
	base    time.Time    // instants below count from here, in nanoseconds
	arrived atomic.Int64 // what was read last
	read    atomic.Int64 // when the read returned that brought it
	wrote   atomic.Int64 // when the first write began since Fresh was called; 0: none yet
	kernel  *kernelStamps
}

// New stamps what a connection reads from now on.
func New(conn net.Conn) *Conn {
	return &Conn{Conn: conn, base: time.Now(), kernel: newKernelStamps(conn)}
}

// Of finds the stamping connection, also under TLS; nil where there is none.
func Of(conn net.Conn) *Conn {
	for {
		if stamped, ok := conn.(*Conn); ok {
			return stamped
		}
		above, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		conn = above.NetConn()
	}
}

// Listen stamps what the connections of a listener read.
func Listen(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

// Accept waits for the next connection.
func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return New(conn), nil
}

// NetConn is the connection that is stamped.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Read reads once from the connection.
func (c *Conn) Read(p []byte) (n int, err error) {
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

// oldest is the age of data that we believe: what is older was not stamped by
// the clock that we compare it with.
const oldest = time.Minute

// Last is when the data arrived that was read last, and how long it then waited
// for us, or [Unknown].
func (c *Conn) Last() (arrived time.Time, waited time.Duration) {
	at, read := time.Duration(c.arrived.Load()), time.Duration(c.read.Load())
	if waited = read - at; c.kernel == nil {
		waited = Unknown
	}
	return c.base.Add(at), waited
}

// ByKernel reports whether the kernel stamps.
func (c *Conn) ByKernel() bool { return c.kernel != nil }

// Write writes, and remembers when it began to.
func (c *Conn) Write(p []byte) (int, error) {
	c.wrote.CompareAndSwap(0, max(1, int64(time.Since(c.base))))
	return c.Conn.Write(p)
}

// CloseWrite says that there is nothing more to come, where the connection can
// say so: a server that closes after an answer would else cut it off.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Fresh begins something new on the connection, of which [Conn.Written] tells.
func (c *Conn) Fresh() { c.wrote.Store(0) }

// Written is when the first write began since Fresh was called.
func (c *Conn) Written() time.Time { return c.base.Add(time.Duration(c.wrote.Load())) }
