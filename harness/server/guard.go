package server

import (
	"io"
	"os/exec"
)

// A guard cleans up after us should we be killed: it waits at a pipe that closes
// when this process ends, however it ends. Nothing that runs in a process which is
// killed can do that.
type guard struct {
	cmd   *exec.Cmd
	alive io.WriteCloser
}

// newGuard starts one that will run a line of shell, with its arguments.
func newGuard(line string, environ []string, args ...string) (*guard, error) {
	g := &guard{cmd: exec.Command("/bin/sh", append([]string{"-c", "read -r _ || " + line, "vllmspec-guard"}, args...)...)}
	g.cmd.Env, g.cmd.SysProcAttr = append([]string{}, environ...), ofOwnGroup() // a Ctrl-C is not for it
	var err error
	if g.alive, err = g.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return g, g.cmd.Start()
}

// dismiss lets it go home: all is cleaned up.
func (g *guard) dismiss() {
	io.WriteString(g.alive, "\n")
	g.alive.Close()
	g.cmd.Wait()
}
