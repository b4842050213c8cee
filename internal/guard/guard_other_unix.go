//go:build unix && !linux

package guard

import (
	"os"
	"syscall"
)

// itself is this program's file.
func itself() string {
	file, _ := os.Executable()
	return file
}

// adoptOrphans is for Linux. Elsewhere what leaves the program's process group is not found.
func adoptOrphans() {}

// diesWithUs is for Linux; elsewhere the guard alone ends a program.
func diesWithUs(*syscall.SysProcAttr) {}

// endAll ends the program's process group.
func endAll(leader int) { endGroup(leader, syscall.SIGKILL) }
