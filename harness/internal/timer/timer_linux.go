package timer

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A Timer is a timerfd(2): its deadline is an event of a file, for which the
// poller waits as for any other, without rounding.
type Timer struct {
	file   *os.File
	unhook func() bool
}

// New is a timer that ends with a context; nil where the system has none to give.
func New(ctx context.Context) *Timer {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil
	}
	t := &Timer{file: os.NewFile(uintptr(fd), "timerfd")}
	t.unhook = context.AfterFunc(ctx, func() { _ = t.file.SetReadDeadline(time.Unix(1, 0)) }) // wakes the reader
	return t
}

// Wait fails when the context ended first, or the system refused.
func (t *Timer) Wait(d time.Duration) error {
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	raw, err := t.file.SyscallConn()
	if err != nil {
		return err
	}
	var refused error
	err = raw.Control(func(fd uintptr) { refused = unix.TimerfdSettime(int(fd), 0, &at, nil) })
	if err := errors.Join(err, refused); err != nil {
		return err
	}
	var expirations [8]byte
	_, err = t.file.Read(expirations[:])
	return err
}

// Close gives the timer back to the system.
func (t *Timer) Close() {
	t.unhook()
	t.file.Close()
}
