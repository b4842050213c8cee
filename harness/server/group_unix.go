//go:build unix

package server

import (
	"os"
	"syscall"
)

func ofOwnGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// endGroup sends a signal to all of a group; it may have ended just now.
func endGroup(leader int, signal syscall.Signal) { _ = syscall.Kill(-leader, signal) }

// lock takes a file for this process, as long as it lives, and reports whether
// nobody else has it.
func lock(file *os.File) bool {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
