//go:build unix

package guard

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// How long a guard tries to end what it guards, and how long it waits between two tries. What
// cannot be killed, because a driver holds it, must not hold up all others.
const (
	killsFor  = 2 * time.Second
	killEvery = 20 * time.Millisecond
)

// guards tells that programs are run under a guard.
const guards = true

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// endGroup sends a signal to all of a group; it may have ended just now.
func endGroup(leader int, signal syscall.Signal) { _ = syscall.Kill(-leader, signal) }

// ignoreSignals keeps a guard alive where everything is asked to end at once. What it starts does
// not inherit that.
func ignoreSignals() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
}

// statusError is a wait status as an error.
func statusError(status int) error {
	s := syscall.WaitStatus(status)
	switch {
	case s.Signaled():
		return &Ended{Signal: s.Signal()}
	case s.ExitStatus() != 0:
		return &Ended{Code: s.ExitStatus()}
	}
	return nil
}

// Ended is how a program ended that did not end well.
type Ended struct {
	Code   int
	Signal syscall.Signal // 0: it was not ended by one
}

func (e *Ended) Error() string {
	if e.Signal != 0 {
		return "signal: " + e.Signal.String()
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// runGuarded is the duty to run a program: the first argument is its file, the others are its
// words. Its report goes to the file after the standard three.
func runGuarded(args []string, owner <-chan Order, leaves bool) {
	report := os.NewFile(3, "report")
	syscall.CloseOnExec(3)
	leader, err := begin(args[0], args[1:])
	if err != nil {
		var number syscall.Errno
		errors.As(err, &number)
		fmt.Fprintf(report, "failed %d\n", number)
		return
	}
	fmt.Fprintf(report, "started %d\n", leader)
	fmt.Fprintf(report, "ended %d\n", attend(leader, owner, reap(), leaves))
}

// begin starts the program, in a process group of its own.
func begin(file string, words []string) (int, error) {
	adoptOrphans()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	attributes := ownGroup()
	diesWithUs(attributes)
	return syscall.ForkExec(file, words, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{null.Fd(), 1, 2}, Sys: attributes})
}

// A reaped is a child that has ended.
type reaped struct{ process, status int }

// reap takes every child that ends; the channel is closed when none is left. On Linux orphans
// are children too, so that then nothing is left at all.
func reap() <-chan reaped {
	ended := make(chan reaped)
	go func() {
		defer close(ended)
		for {
			var status syscall.WaitStatus
			process, err := syscall.Wait4(-1, &status, 0, nil)
			switch {
			case err == syscall.EINTR:
			case err != nil:
				return
			default:
				ended <- reaped{process, int(status)}
			}
		}
	}()
	return ended
}

// attend waits for the program, does what the owner asks, and returns the wait status of the
// program when nothing is left of it. Once it has ended, or its owner is gone, all that it
// started is ended; where it may leave something, only if it did not end by itself.
func attend(leader int, owner <-chan Order, ended <-chan reaped, leaves bool) (status int) {
	var again <-chan time.Time // once everything is to end
	var enough <-chan time.Time
	kill := func() {
		endAll(leader)
		if again == nil {
			again, enough = time.Tick(killEvery), time.After(killsFor)
		}
	}
	for {
		select {
		case order, more := <-owner:
			switch {
			case !more:
				owner = nil
			case order == EndIt:
				endGroup(leader, syscall.SIGTERM)
			default:
				kill()
			}
		case child, more := <-ended:
			if !more {
				return status
			}
			if child.process != leader {
				continue
			}
			if status = child.status; leaves && again == nil {
				return status
			}
			kill()
		case <-again:
			endAll(leader)
		case <-enough:
			return status
		}
	}
}
