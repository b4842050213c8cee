//go:build unix

package server

import (
	"os"
	"syscall"
)

// lock takes a file for this process, as long as it lives, and reports whether
// no other process has it.
func lock(file *os.File) bool {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
