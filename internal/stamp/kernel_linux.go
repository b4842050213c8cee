package stamp

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernelStamps reads a TCP connection with recvmsg, which brings along when the
// last segment of what it returns was received (SO_TIMESTAMPNS, socket(7)).
// Nothing in it is made anew for a read.
type kernelStamps struct {
	conn    syscall.RawConn
	receive func(fd uintptr) bool // into what stands below
	vector  unix.Iovec
	header  unix.Msghdr
	control [64]byte
	n       int
	errno   syscall.Errno
}

// newKernelStamps is nil where the kernel does not stamp.
func newKernelStamps(conn net.Conn) *kernelStamps {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	var refused error
	err = raw.Control(func(fd uintptr) {
		refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	})
	if errors.Join(err, refused) != nil {
		return nil
	}
	k := &kernelStamps{conn: raw}
	k.receive = k.recvmsg
	return k
}

// read reads once. stamp is in nanoseconds since 1970, or 0 where there was none.
func (k *kernelStamps) read(p []byte) (n int, stamp int64, err error) {
	if len(p) == 0 {
		return 0, 0, nil
	}
	k.vector = unix.Iovec{Base: &p[0]}
	k.vector.SetLen(len(p))
	k.header = unix.Msghdr{Iov: &k.vector, Control: &k.control[0]}
	k.header.SetIovlen(1)
	k.header.SetControllen(len(k.control))
	err = k.conn.Read(k.receive)
	k.vector.Base = nil // p is the caller's
	switch {
	case err != nil:
		return 0, 0, err // closed, or past its deadline
	case k.errno != 0:
		return 0, 0, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("recvmsg", k.errno)}
	case k.n == 0:
		return 0, 0, io.EOF
	}
	return k.n, k.stamp(), nil
}

// recvmsg reports false when there is nothing to read yet.
func (k *kernelStamps) recvmsg(fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&k.header)), unix.MSG_DONTWAIT)
		if errno == unix.EINTR {
			continue
		}
		k.n, k.errno = int(n), errno
		return errno != unix.EAGAIN
	}
}

// stamp is the time in the control message.
func (k *kernelStamps) stamp() int64 {
	messages := k.control[:k.header.Controllen]
	for len(messages) >= unix.CmsgLen(0) {
		head := (*unix.Cmsghdr)(unsafe.Pointer(&messages[0]))
		length := int(head.Len)
		if length < unix.CmsgLen(0) || length > len(messages) {
			return 0
		}
		if head.Level == unix.SOL_SOCKET && head.Type == unix.SCM_TIMESTAMPNS && length >= unix.CmsgLen(int(unsafe.Sizeof(unix.Timespec{}))) {
			return (*unix.Timespec)(unsafe.Pointer(&messages[unix.CmsgLen(0)])).Nano()
		}
		messages = messages[min(len(messages), unix.CmsgSpace(length-unix.CmsgLen(0))):]
	}
	return 0
}
