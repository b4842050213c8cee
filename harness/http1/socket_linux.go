package http1

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// A socket is what the system knows of a connection.
type socket struct {
	raw    syscall.RawConn
	poll   func(fd uintptr) // into what stands below; made once
	polled [1]unix.PollFd
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
	s.poll = func(fd uintptr) {
		s.polled[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN | unix.POLLRDHUP}
		_, s.failed = unix.Poll(s.polled[:], 0)
	}
	return s
}

// look is the connection's state just now.
func (s *socket) look() state {
	if s.raw.Control(s.poll) != nil || s.failed != nil {
		return state{closed: true}
	}
	seen := s.polled[0].Revents
	return state{readable: seen&unix.POLLIN != 0, closed: seen&^unix.POLLIN != 0}
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
