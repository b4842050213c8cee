package server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// How long a command may take to end: after it was asked to, and after it did and
// its children still hold its output.
const (
	stopWithin  = 15 * time.Second
	closeWithin = 2 * time.Second
)

// A command is a program that we started, in a process group of its own: what it
// starts in turn ends with it.
type command struct {
	cmd      *exec.Cmd
	guard    *guard
	ended    chan struct{}
	err      error // once it has
	stopping sync.Mutex
}

func (l Launch) runCommand(log io.Writer) (string, process, error) {
	words := slices.Concat(l.Command, l.Args)
	address, extra, err := l.where(words)
	if err != nil {
		return "", nil, err
	}
	words = append(words, extra...)
	c := &command{cmd: exec.Command(words[0], words[1:]...), ended: make(chan struct{})}
	c.cmd.Dir, c.cmd.Env, c.cmd.Stdout, c.cmd.Stderr = l.Dir, l.Environ, log, log
	c.cmd.SysProcAttr, c.cmd.WaitDelay = ofOwnGroup(), closeWithin
	diesWithUs(c.cmd.SysProcAttr)
	if err := c.start(); err != nil {
		return "", nil, notStarted(words[0], err)
	}
	return l.scheme() + "://" + address, c, nil
}

func notStarted(program string, err error) error {
	switch name := filepath.Base(program); {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("VLLM_COMMAND: there is no program %s; install it, or give its path", name)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("VLLM_COMMAND: %s may not be executed; chmod +x it, or name the program that reads it", name)
	default:
		return fmt.Errorf("VLLM_COMMAND: %s cannot be started: %w", name, err)
	}
}

// start starts the command on a thread that lives as long as the command does,
// because Linux counts the death of that thread as ours.
func (c *command) start() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this function
		err := c.cmd.Start()
		if err == nil {
			group := strconv.Itoa(c.cmd.Process.Pid) // Linux would end the command itself, but not what it has started
			if c.guard, err = newGuard(`kill -s KILL -- "-$1"`, nil, group); err != nil {
				err = fmt.Errorf("nothing could be started that ends it should we be killed: %w", err)
				endGroup(c.cmd.Process.Pid, syscall.SIGKILL)
				c.cmd.Wait()
			}
		}
		started <- err
		if err != nil {
			return
		}
		c.err = c.cmd.Wait()
		endGroup(c.cmd.Process.Pid, syscall.SIGKILL) // children that outlived it
		c.guard.dismiss()
		close(c.ended)
	}()
	return <-started
}

func (c *command) done() <-chan struct{} { return c.ended }

func (c *command) why() string {
	if c.err == nil {
		return "exit status 0"
	}
	if exit, ok := errors.AsType[*exec.ExitError](c.err); ok && exit.Error() == "signal: killed" {
		return "killed, perhaps for want of memory: see dmesg"
	}
	return c.err.Error()
}

// stop asks the group to end, and ends it.
func (c *command) stop() {
	c.stopping.Lock()
	defer c.stopping.Unlock()
	select {
	case <-c.ended:
		return
	default:
	}
	endGroup(c.cmd.Process.Pid, syscall.SIGTERM)
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-c.ended:
		return
	case <-timer.C:
	}
	endGroup(c.cmd.Process.Pid, syscall.SIGKILL)
	<-c.ended
}
