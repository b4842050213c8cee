package guard

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// closeWithin is how long is waited for the end of a program's output once it has ended.
const closeWithin = 2 * time.Second

// A Program is what is to be run under a guard.
type Program struct {
	Words  []string // the program and its arguments
	Dir    string   // where it runs; "": here
	Env    []string
	Output io.Writer // of both of its streams; Errors where that is set
	Errors io.Writer // nil: Output
	Leaves bool      // what is still there when it ends by itself is left alone
}

// A Process is a program that runs under a guard.
type Process struct {
	guard  *exec.Cmd
	owner  io.WriteCloser // orders go through it
	leader int            // the program's process, and the group that it leads
	ended  chan struct{}
	err    error // once it has
}

// Start starts the program. All that it starts in turn ends when it does, when it is
// stopped, and when this process ends.
func Start(p Program) (*Process, error) {
	program := p.Words[0] // where it has a slash, the system looks for it in the program's folder
	if filepath.Base(program) == program {
		found, err := exec.LookPath(program)
		if err != nil {
			return nil, err
		}
		program = found
	}
	duty := dutyRun
	if p.Leaves {
		duty = dutyLeave
	}
	cmd := command(duty, append([]string{program}, p.Words...))
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = p.Dir, append([]string{}, p.Env...), p.Output, p.Output, closeWithin
	if p.Errors != nil {
		cmd.Stderr = p.Errors
	}
	report, reports, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{reports}
	q := &Process{guard: cmd, ended: make(chan struct{})}
	if q.owner, err = cmd.StdinPipe(); err == nil {
		err = cmd.Start()
	}
	reports.Close()
	if err != nil {
		report.Close()
		return nil, fmt.Errorf("no guard could be started that ends it should we be killed: %w", err)
	}
	said := bufio.NewReader(report)
	if err := q.begun(said); err != nil {
		report.Close()
		q.owner.Close()
		_ = cmd.Wait()
		return nil, err
	}
	go q.follow(report, said)
	return q, nil
}

// Run starts a program and waits until it has ended, or ends it when the context does.
func Run(ctx context.Context, p Program) error {
	if !guards {
		return runAlone(ctx, p)
	}
	started, err := Start(p)
	if err != nil {
		return err
	}
	select {
	case <-started.Done():
	case <-ctx.Done():
		started.Stop(ctx)
	}
	return started.Err()
}

// runAlone is Run where there are no guards: what the program leaves is not ended.
func runAlone(ctx context.Context, p Program) error {
	cmd := exec.CommandContext(ctx, p.Words[0], p.Words[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = p.Dir, p.Env, p.Output, p.Errors, closeWithin
	if p.Errors == nil {
		cmd.Stderr = p.Output
	}
	return cmd.Run()
}

// begun reads the first line of the guard's report: "started 4711" or "failed 2", an error
// number of the system.
func (q *Process) begun(report *bufio.Reader) error {
	line, err := report.ReadString('\n')
	what, number, _ := strings.Cut(strings.TrimSpace(line), " ")
	n, wrong := strconv.Atoi(number)
	switch {
	case err != nil || wrong != nil:
		return errors.New("its guard ended before it began")
	case what == "failed":
		return syscall.Errno(n)
	}
	q.leader = n
	return nil
}

// follow reads the last line, "ended 256", the wait status of the program, and waits until
// nothing of it is left.
func (q *Process) follow(report io.Closer, said *bufio.Reader) {
	defer close(q.ended)
	line, err := said.ReadString('\n')
	report.Close()
	if err != nil { // the guard was killed, and with it the program; not what that had started
		endGroup(q.leader, syscall.SIGKILL)
	}
	_ = q.guard.Wait()
	q.owner.Close()
	status, wrong := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "ended ")))
	if err != nil || wrong != nil {
		q.err = errors.New("its guard was killed")
		return
	}
	q.err = statusError(status)
}

// Done is closed once the program has ended and nothing that it started is left.
func (q *Process) Done() <-chan struct{} { return q.ended }

// Err is how the program ended, as os/exec says it; nil for exit status 0. It is known once
// Done is closed.
func (q *Process) Err() error { return q.err }

// Stop asks the program to end, and ends it and all that it has started when the context is
// over. It returns when nothing is left. Several may call it: the first context counts that ends.
func (q *Process) Stop(ctx context.Context) {
	if ctx.Err() == nil {
		q.order(EndIt)
		select {
		case <-q.ended:
			return
		case <-ctx.Done():
		}
	}
	q.order(KillIt)
	<-q.ended
}

func (q *Process) order(o Order) {
	_, _ = q.owner.Write([]byte{byte(o)}) // an error means that the guard has ended
}
