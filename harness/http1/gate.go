package http1

import (
	"net"
	"os"
)

// A state is what the system says of a connection: whether there is something to read, and
// whether the other side has closed it.
type state struct{ readable, closed bool }

// A gate stands below TLS. While it is shut, reading takes what has come and waits for
// nothing: so one sees what a server said unasked, which TLS may hold in its own buffer, or
// the system in its own, without waiting for more.
type gate struct {
	net.Conn
	socket *socket // nil where there is none: then it is never shut
	shut   bool
}

// errNothing is that nothing has come. It is a timeout, after which TLS goes on.
var errNothing error = os.ErrDeadlineExceeded

// Read reads once. Who reads is the only one: what the system has now it will have then.
func (g *gate) Read(p []byte) (int, error) {
	if g.shut {
		if now := g.socket.look(); !now.readable && !now.closed {
			return 0, errNothing
		}
	}
	return g.Conn.Read(p)
}
