package selfcheck

import "syscall"

// diesWithUs has the system end a child when the thread dies that started it.
func diesWithUs(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
