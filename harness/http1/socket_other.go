//go:build !linux

package http1

import "net"

// A socket tells on Linux only whether the other side has closed it. Elsewhere
// connections are given up before servers do so, and that must do.
type socket struct{ net.Conn }

func newSocket(conn net.Conn) *socket {
	if _, ok := conn.(*net.TCPConn); ok {
		return &socket{conn}
	}
	return nil
}

func (*socket) look() state      { return state{} }
func (*socket) unconfirmed() int { return 0 }
