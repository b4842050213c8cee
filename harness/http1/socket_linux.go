package http1

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// A socket is what the system knows of a connection.
type socket struct {
	raw    syscall.RawConn
	look   func(fd uintptr) // into what stands below; made once
	poll   [1]unix.PollFd
	failed error
}

// newSocket is nil where there is none.
func newSocket(conn net.Conn) *socket {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	s := &socket{raw: raw}
	s.look = func(fd uintptr) {
		s.poll[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN | unix.POLLRDHUP}
		_, s.failed = unix.Poll(s.poll[:], 0)
	}
	return s
}

// spoilt reports whether the other side has closed the connection. In the clear
// it must not have said anything either; TLS may have had something to say.
func (s *socket) spoilt(clear bool) bool {
	if s.raw.Control(s.look) != nil || s.failed != nil {
		return true
	}
	seen := s.poll[0].Revents
	return seen&^unix.POLLIN != 0 || clear && seen != 0
}

// unconfirmed is how many bytes we sent of which the other side's system never
// said that they came.
func (s *socket) unconfirmed() (n int) {
	err := s.raw.Control(func(fd uintptr) { n, s.failed = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	if err != nil || s.failed != nil {
		return 0
	}
	return n
}
