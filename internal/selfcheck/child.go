//go:build unix

package selfcheck

import (
	"context"
	"os"
	"os/exec"
	"syscall"
)

// again is this check with other arguments, in a process of its own.
func (r Command) again(ctx context.Context, dir string, args ...string) *exec.Cmd {
	return child(ctx, dir, r.Program, append([]string{"selfcheck", "--"}, args...)...)
}

// child is a program that does not outlive us. It ends with the context, and on
// Linux also when we are killed: the system then ends what this thread started,
// so the caller has locked the thread.
func child(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir) // what it cannot clean up any more goes with ours
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	diesWithUs(cmd.SysProcAttr)
	return cmd
}
