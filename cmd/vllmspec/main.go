// Command vllmspec is all that one does with plain-English SLOs: begin a folder of features, check
// and run them, look at what they left, and serve the mock. go test does the same with features,
// with the package vllmspec.
package main

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"testing/synctest"

	"github.com/vllmspec/vllmspec/internal/command"
)

func main() {
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vllmspec: the working directory:", err)
		os.Exit(command.Failed)
	}
	call := command.Call{Args: os.Args[1:], Dir: dir, Environ: os.Environ(), Out: os.Stdout, Err: os.Stderr}
	if !bubbles(call.Args) {
		os.Exit(commands().Run(call))
	}
	inTest(func(t *testing.T) {
		call.Bubble = func(run func()) { synctest.Test(t, func(*testing.T) { run() }) }
		os.Exit(commands().Run(call))
	})
}

// bubbles reports whether the command that is called needs bubbles of virtual time.
func bubbles(args []string) bool {
	if len(args) == 0 {
		return false
	}
	of := commands().Find(args[0])
	return of != nil && of.Bubbles
}

// inTest runs a function in a test: testing/synctest makes its bubbles nowhere else. It must end the
// process itself, so that the test says nothing.
func inTest(run func(*testing.T)) {
	testing.Init()
	_ = flag.CommandLine.Parse(nil) // the flags are the command's, and none of the test's
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "vllmspec", F: run}}, nil, nil)
}
