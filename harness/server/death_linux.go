package server

import "syscall"

// diesWithUs has the system end a command when the thread dies that started it.
func diesWithUs(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
