package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/internal/guard"
)

// stopWithin is how long a server may take to end after it was asked to.
const stopWithin = 15 * time.Second

// A command is a program that we started. What it starts in turn ends with it.
type command struct{ *guard.Process }

func (l Launch) runCommand(log io.Writer) (string, process, error) {
	words := slices.Concat(l.Command, l.Args)
	address, extra, err := l.where(words)
	if err != nil {
		return "", nil, err
	}
	started, err := guard.Start(guard.Program{Words: append(words, extra...), Dir: l.Dir, Env: l.Environ, Output: log})
	if err != nil {
		return "", nil, notStarted(words[0], err)
	}
	return l.scheme() + "://" + address, command{started}, nil
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

func (c command) done() <-chan struct{} { return c.Done() }

func (c command) why() string {
	switch err := c.Err(); {
	case err == nil:
		return "exit status 0"
	case strings.HasSuffix(err.Error(), "killed"):
		return "killed, perhaps for want of memory: see dmesg"
	default:
		return err.Error()
	}
}

func (c command) stop(ctx context.Context) { c.Stop(ctx) }
