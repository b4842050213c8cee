// Package guard starts programs of which nothing is left, however this process ends:
// also when it is killed, and also what they have started in sessions of their own.
//
// Nothing that runs in a process which is killed can clean up after it, so a second
// process does: the guard, which is this same program, started once more. It waits at
// a pipe that closes when this process ends, however it ends. A shell could wait there
// too, but it cannot become the parent of its children's orphans, and by that alone
// the system tells which processes a program has left.
package guard

import (
	"io"
	"os"
	"os/exec"
	"sync"
)

// title is what a guard is called in a list of processes, and how it knows that it is one.
const title = "vllmspec-guard"

// init is the one place where a program can turn out to be a guard before its main function,
// or the tests of a test binary, begin. It does nothing in any other process.
func init() {
	Duty(dutyRun, func(args []string, owner <-chan Order) { runGuarded(args, owner, false) })
	Duty(dutyLeave, func(args []string, owner <-chan Order) { runGuarded(args, owner, true) })
}

// The duties to run a program, and to end what it leaves or leave it alone.
const (
	dutyRun   = "run"
	dutyLeave = "run-and-leave"
)

// Duty makes this process a guard with a duty, and ends it once that is done, where it was
// started as one by [Start] or [Watch]. Call it while the program starts, from an init function.
func Duty(name string, do func(args []string, owner <-chan Order)) {
	if len(os.Args) < 2 || os.Args[0] != title || os.Args[1] != name {
		return
	}
	ignoreSignals()
	do(os.Args[2:], orders(os.Stdin))
	os.Exit(0)
}

// An Order is what the owner of a guard asks of it.
type Order byte

// The orders. That the owner has gone without any is [Gone].
const (
	Gone    Order = 0
	EndIt   Order = 't' // ask what is guarded to end
	KillIt  Order = 'k' // end it
	Dismiss Order = 'd' // all is cleaned up
)

// orders are those that come through a pipe; the last is Gone, unless it was Dismiss.
func orders(pipe io.Reader) <-chan Order {
	given := make(chan Order, 1)
	go func() {
		defer close(given)
		for order := make([]byte, 1); ; {
			if _, err := io.ReadFull(pipe, order); err != nil {
				given <- Gone
				return
			}
			given <- Order(order[0])
			if Order(order[0]) == Dismiss {
				return
			}
		}
	}()
	return given
}

// A Guard is a process that has a duty when this one ends.
type Guard struct {
	cmd   *exec.Cmd
	alive io.WriteCloser
	once  sync.Once
}

// Watch starts a guard with a duty that was registered by [Duty].
func Watch(environ []string, duty string, args ...string) (*Guard, error) {
	g := &Guard{cmd: command(duty, args)}
	g.cmd.Env = append([]string{}, environ...)
	var err error
	if g.alive, err = g.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return g, g.cmd.Start()
}

// Dismiss lets the guard go: there is nothing to clean up any more.
func (g *Guard) Dismiss() {
	g.once.Do(func() {
		_, _ = g.alive.Write([]byte{byte(Dismiss)})
		g.alive.Close()
		_ = g.cmd.Wait()
	})
}

// Leave has the guard do its duty now, as if this process had ended.
func (g *Guard) Leave() {
	g.once.Do(func() {
		g.alive.Close()
		_ = g.cmd.Wait()
	})
}

// command is this program as a guard. A Ctrl-C at the terminal is not for it.
func command(duty string, args []string) *exec.Cmd {
	cmd := exec.Command(itself())
	cmd.Args = append([]string{title, duty}, args...)
	cmd.SysProcAttr = ownGroup()
	return cmd
}
