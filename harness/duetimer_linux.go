package harness

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A timer is a timerfd(2): its deadline is an event of a file, for which the
// poller waits as for any other, without rounding.
type timer struct {
	file   *os.File
	unhook func() bool
}

// newTimer is nil where the system has none to give.
func newTimer(ctx context.Context) *timer {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil
	}
	t := &timer{file: os.NewFile(uintptr(fd), "timerfd")}
	t.unhook = context.AfterFunc(ctx, func() { _ = t.file.SetReadDeadline(time.Unix(1, 0)) }) // wakes the reader
	return t
}

// wait fails when the context ended first, or the system refused.
func (t *timer) wait(d time.Duration) error {
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

func (t *timer) close() {
	t.unhook()
	t.file.Close()
}
