//go:build !unix

package guard

import (
	"errors"
	"os"
	"syscall"
)

// There are no process groups here: programs are refused for want of a guard.

// Ended is how a program ended that did not end well.
type Ended struct {
	Code   int
	Signal syscall.Signal
}

func (e *Ended) Error() string { return "it ended" }

// guards tells that no program is run under a guard here.
const guards = false

func itself() string {
	file, _ := os.Executable()
	return file
}

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

func endGroup(int, syscall.Signal) {}

func ignoreSignals() {}

func statusError(int) error { return errors.New("it ended") }

func runGuarded([]string, <-chan Order, bool) {}
