package vllmspec

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/suite"
)

var tags = flag.String("godog.tags", "", "run scenarios with these tags: @a && ~@b, or @a,@b")

// Run runs the features in a folder, each as a test of its own: on the mock in a bubble of virtual
// time, or live where the environment names a server. The folder is relative to the test's:
//
//	func TestSLO(t *testing.T) { vllmspec.Run(t, "slo") }
//
// What the environment names (VLLMSPEC_FEATURES, VLLMSPEC_OUT) and the files that features draw from
// are relative to the folder of the module, where its go.mod lies; features and such files are
// looked for in the test's folder too. go test never answers with a result of before: a measurement
// that did not run must not pass as "(cached)". Options add datasets, metrics, samplers and a protocol of one's own.
func Run(t *testing.T, folder string, options ...Option) {
	t.Helper()
	run(t, folder, func(suite.Stage, *suite.Interrupt) {}, options...)
}

// interrupt is one for all runs of a process: what ended one is not followed by the next.
var interrupt = new(suite.Interrupt)

// run is Run with a function that is called when a run gets to a stage.
func run(t *testing.T, folder string, onStage func(suite.Stage, *suite.Interrupt), options ...Option) {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("the test's folder: %v", err)
	}
	root := environment.Module(dir)
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(dir, folder)
	}
	env, mistakes := environment.ReadAt(environment.Place{Root: root, Dir: dir, Test: t.Name(), Features: folder}, os.Environ())
	if *tags != "" {
		env.Tags = *tags
	}
	deadline, _ := t.Deadline()
	t.Cleanup(interrupt.Watch(os.Stdout))
	s := suite.New(env, deadline, interrupt, os.Stdout, extensions(options)...)
	s.OnStage(func(stage suite.Stage) { onStage(stage, interrupt) })
	t.Cleanup(func() { // after a panic too
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if s.Refuse(mistakes) != nil {
		t.Fatalf("the environment: %v", mistakes)
	}
	if terminal, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil && !testing.Verbose() {
		defer terminal.Close()
		s.ShowProgress(terminal) // go test keeps standard output to itself until the end
	}
	s.Select(scenariosOfFlags(t.Name()))
	features, err := s.Features()
	if err != nil {
		t.Fatal(err)
	}
	for _, feature := range features {
		t.Run(feature.Name(), func(t *testing.T) { runFeature(t, s, feature) })
	}
}

func runFeature(t *testing.T, s *suite.Suite, feature suite.Feature) {
	run := func(t *testing.T) {
		switch passed, err := s.Run(feature); {
		case err != nil:
			t.Fatal(err)
		case !passed:
			t.Errorf("%s: see above", feature.Path)
		}
	}
	if feature.Virtual {
		synctest.Test(t, run)
	} else {
		run(t)
	}
}
