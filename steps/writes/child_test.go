package writes_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/suite"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// How much is tried: little in CI, all with these flags.
var (
	everyFault = flag.Bool("every-fault", false, "every operation fails in every way, not in one")
	kills      = flag.Int("kills", 10, "so many processes are killed at random moments")
	opKills    = flag.Int("op-kills", 20, "so many processes are killed in the middle of an operation on the disk")
	seed       = flag.Uint64("seed", 7, "of the moments")
)

// The variables that make the test binary a process to be killed: one go test of the features in a folder.
const (
	childOf = "WRITES_CHILD"  // the folder
	killAt  = "WRITES_KILLAT" // the operation on the disk in which it kills itself, from 0; -1 for none

	killedAt = "killed at" // begins the line in which it says when
)

// TestMain is the test, or one of the processes that it starts.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "serve":
		os.Exit(serve(os.Args[2:]))
	case os.Getenv(childOf) != "":
		os.Exit(child(os.Getenv(childOf)))
	}
	os.Exit(m.Run())
}

// child runs the features in a folder as go test does, and returns the exit code.
func child(root string) int {
	kill, operations := -1, 0
	if _, err := fmt.Sscan(os.Getenv(killAt), &kill); err != nil {
		return 2
	}
	var passed bool
	err := run(root, os.Environ(), &disk.Disk{Fault: func(disk.Op, string) error {
		if operations == kill {
			fmt.Println(killedAt, time.Now().UnixNano()) // who waits for us hears of it later
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		operations++
		return nil
	}}, nil, &passed)
	fmt.Println("operations", operations)
	if err != nil || !passed {
		fmt.Println(err)
		return 1
	}
	return 0
}

// run is one go test of the features in a folder. Virtual features need a test for their bubble.
func run(root string, environ []string, d *disk.Disk, t *testing.T, passed *bool) error {
	var variables []string
	for _, variable := range environ {
		if !strings.HasPrefix(variable, "WRITES_") {
			variables = append(variables, variable)
		}
	}
	env, err := environment.Read(root, variables)
	if err != nil {
		return err
	}
	env.Disk = d
	var output bytes.Buffer
	s := suite.New(env, time.Time{}, new(suite.Interrupt), &output)
	features, err := s.Features()
	*passed = err == nil
	for _, feature := range features {
		one := func(*testing.T) {
			ok, ranErr := s.Run(feature)
			*passed, err = *passed && ok, errors.Join(err, ranErr)
		}
		if feature.Virtual {
			synctest.Test(t, one)
		} else {
			one(t)
		}
	}
	if err = errors.Join(err, s.Close()); t == nil || err != nil || !*passed {
		err = errors.Join(err, errors.New(output.String()))
	}
	if *passed && t == nil && strings.TrimSpace(err.Error()) == strings.TrimSpace(output.String()) {
		return nil
	}
	return err
}

// serve is a mock server as a command, which says in its log who it is.
func serve(args []string) int {
	words := map[string]string{}
	for i := 0; i+1 < len(args); i += 2 {
		words[args[i]] = args[i+1]
	}
	mock, err := mockvllm.New(mockvllm.Config{Profile: mockvllm.Profiles()[0]})
	if err != nil {
		return 1
	}
	mock.Start()
	listener, err := net.Listen("tcp", net.JoinHostPort(words["--host"], words["--port"]))
	if err != nil {
		return 1
	}
	for i := range 200 {
		fmt.Printf("server %d says %d\n", os.Getpid(), i)
	}
	_ = http.Serve(listener, mock)
	return 0
}

// put writes the feature that is to be run.
func put(t *testing.T, root, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "features"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "features", "x.feature"), []byte(text), 0o644))
}

// started is a child that has begun.
func started(t *testing.T, root string, kill int, variables ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	output := new(bytes.Buffer)
	c := exec.Command(self)
	c.Env = append([]string{childOf + "=" + root, fmt.Sprintf("%s=%d", killAt, kill), "PATH=" + os.Getenv("PATH"), "VLLMSPEC_UNKNOWN=warn", "VLLMSPEC_DASHBOARD=off"}, variables...)
	c.Stdout, c.Stderr = output, output
	require.NoError(t, c.Start())
	hang := time.AfterFunc(3*time.Minute, func() { _ = c.Process.Kill() })
	t.Cleanup(func() { hang.Stop() })
	return c, output
}
