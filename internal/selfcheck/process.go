//go:build unix

package selfcheck

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm"
)

// A place is where checks are carried out, and by what.
type place struct {
	Command
	dir string // for files that go with this process
}

// run starts the mock and, in another process, the load, and grades the one
// against the other.
func (c check) run(ctx context.Context, in place) (grade, error) {
	if c.Watched {
		return c.runWatched(ctx, in)
	}
	if c.Waiting {
		raw, err := c.ask(ctx, in, "no server")
		if err != nil {
			return grade{}, err
		}
		g := grade{Check: c}
		return g, json.Unmarshal(raw, &g.Waiting)
	}
	truth := filepath.Join(in.dir, "truth.jsonl")
	server, url, err := c.serve(ctx, in, truth)
	if err != nil {
		return grade{}, err
	}
	raw, loadErr := c.ask(ctx, in, url)
	_ = server.Process.Signal(syscall.SIGTERM) // it writes the rest of its log
	if err := errors.Join(loadErr, server.Wait()); err != nil || c.Soak {
		return grade{}, err
	}
	if c.Bare {
		g := grade{Check: c}
		return g, json.Unmarshal(raw, &g.Bare)
	}
	var measured measurement
	if err := json.Unmarshal(raw, &measured); err != nil {
		return grade{}, err
	}
	known, err := readTruth(truth)
	if err != nil {
		return grade{}, err
	}
	return c.grade(measured, known)
}

// serve starts a mock whose every step takes the check's gap.
func (c check) serve(ctx context.Context, in place, truth string) (*exec.Cmd, string, error) {
	profile, err := json.Marshal(mockvllm.Profile{Name: "steady", GPU: "none", A: c.Gap.Seconds() * 1000, Blocks: 30_000 + 16*c.Streams,
		MaxSeqs: 1 << 15, MaxBatchedTokens: 1 << 20, MaxModelLen: 1 << 15})
	if err != nil {
		return nil, "", err
	}
	file := filepath.Join(in.dir, "profile.json")
	if err := os.WriteFile(file, profile, 0o600); err != nil {
		return nil, "", err
	}
	server := child(ctx, in.dir, in.Program, "mock", "--port", "0", "--profile", file)
	if !c.Soak {
		server.Args = append(server.Args, "--truth-log", truth)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := server.Start(); err != nil {
		return nil, "", err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = server.Process.Kill()
		return nil, "", errors.Join(err, server.Wait())
	}
	_, address, _ := strings.Cut(strings.TrimSpace(line), " at ")
	return server, address, nil
}

// ask runs the load in a process of its own, so that its memory and its CPU time
// are those of the load generator alone.
func (c check) ask(ctx context.Context, in place, url string) ([]byte, error) {
	spec, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	client := in.again(ctx, in.dir, "load", url, string(spec))
	var out bytes.Buffer
	client.Stdout = &out
	if c.Soak {
		client.Stdout = in.Stdout
	}
	if c.Core > 0 {
		err = c.runConfined(client)
	} else {
		err = client.Run()
	}
	return out.Bytes(), err
}

// runConfined runs the load on a share of a core.
func (c check) runConfined(client *exec.Cmd) error {
	group, err := newGroup(c.Core)
	if err != nil { // the system does not let us
		client.Env = append(client.Env, "GOMAXPROCS=1")
	}
	if err := client.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	if err == nil {
		err = group.add(client.Process.Pid)
		defer group.remove()
	}
	if err != nil {
		go hold(client.Process, c.Core, done)
	}
	err = client.Wait()
	close(done)
	return err
}

// hold lets a process run for a share of every tenth of a second, as a
// container's CPU quota does.
func hold(p *os.Process, share float64, done <-chan struct{}) {
	const period = 100 * time.Millisecond
	for on := true; ; on = !on {
		signal, length := syscall.SIGSTOP, (1-share)*float64(period)
		if on {
			signal, length = syscall.SIGCONT, share*float64(period)
		}
		_ = p.Signal(signal) // it may have ended just now
		select {
		case <-done:
			return
		case <-time.After(time.Duration(length)):
		}
	}
}

// A truth is what the server wrote down of one answer.
type truth struct {
	ID       string  `json:"id"`
	Arrived  int64   `json:"arrived_ns"` // at the system; 0 where it does not tell
	Received int64   `json:"received_ns"`
	Written  []int64 `json:"written_ns"`
}

// reached is when a request was the server's: what its handler then waits for a
// processor is the server's own time, and nothing that a client could have seen
// otherwise.
func (t truth) reached() int64 { return cmp.Or(t.Arrived, t.Received) }

func readTruth(path string) (map[string]truth, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	known := map[string]truth{}
	for decoder := json.NewDecoder(file); decoder.More(); {
		var t truth
		if err := decoder.Decode(&t); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		known[t.ID] = t
	}
	return known, nil
}
