//go:build unix && !linux

package selfcheck

import "syscall"

// diesWithUs is for Linux; elsewhere a child ends when we are asked to, but not
// when we are killed.
func diesWithUs(*syscall.SysProcAttr) {}
