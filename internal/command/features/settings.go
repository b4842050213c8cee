// Package features is the commands that run features, or look at them: test, check and demo.
package features

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/suite"
)

// settings are what the flags say, beside the variables that they set.
type settings struct {
	url, model, out, tags, unknown, only string
	timeout, wait                        time.Duration
	sendTo                               *environment.Environment // whose bucket runs are sent to; nil: as the environment of the run says
}

// newSettings has flags set those that choose features and the server.
func newSettings(flags *command.Flags) *settings {
	s := new(settings)
	flags.StringVar(&s.url, "url", "", "base `URL` of the server under test (VLLM_URL); without one the mock is measured")
	flags.StringVar(&s.model, "model", "", "`model` to ask for, whatever the features name (VLLM_MODEL)")
	flags.StringVar(&s.only, "run", "", "`pattern`, a regular expression: only the scenarios that it matches, by name or by file")
	flags.StringVar(&s.tags, "tags", "", "`tags` that scenarios must have: '@a && ~@b', or '@a,@b' (GODOG_TAGS)")
	return s
}

// ofRuns has flags set those that only a run has.
func (s *settings) ofRuns(flags *command.Flags) {
	flags.StringVar(&s.out, "out", "", "`folder` for the results (VLLMSPEC_OUT; reports/out)")
	flags.StringVar(&s.unknown, "unknown", "", "`what` an unknown verdict is: fail, or warn (VLLMSPEC_UNKNOWN)")
	flags.DurationVar(&s.timeout, "timeout", 0, "`time` after which it must be done: a load that does not fit is refused (none)")
	flags.DurationVar(&s.wait, "wait", 0, "`time` to wait until the server answers, as one that loads its model takes minutes (none)")
}

// environ is the environment of the call with what the flags set in it.
func (s *settings) environ(call *command.Call) []string {
	all := call.Environ
	set := func(name, value string) {
		if value == "" {
			return
		}
		var others []string
		for _, entry := range all {
			if !strings.HasPrefix(entry, name+"=") {
				others = append(others, entry)
			}
		}
		all = append(others, name+"="+value)
	}
	set("VLLM_URL", s.url)
	set("VLLM_MODEL", s.model)
	set("GODOG_TAGS", s.tags)
	set("VLLMSPEC_UNKNOWN", s.unknown)
	if s.out != "" {
		set("VLLMSPEC_OUT", call.Path(s.out))
	}
	return all
}

// named has the environment name these features, files or folders as they count from the working
// directory. Without any it is those that the environment names, or else the usual folder.
func named(call *command.Call, environ, names []string) (environment.Place, []string, error) {
	place := environment.Place{Root: environment.Module(call.Dir), Dir: call.Dir}
	if len(names) > 0 {
		var list []string
		for _, name := range names {
			path := call.Path(name)
			if _, err := os.Stat(withoutLines.ReplaceAllString(path, "")); err != nil {
				if !strings.ContainsAny(name, "*?[") {
					return place, nil, command.Mistakef("there is no file or folder %s; vllmspec init begins a folder of features, and an objective is written in quotes: 'p95 TTFT at most 300 ms'", path)
				}
			}
			list = append(list, path)
		}
		return place, append(environ, "VLLMSPEC_FEATURES="+strings.Join(list, ",")), nil
	}
	for _, entry := range environ {
		if value, found := strings.CutPrefix(entry, "VLLMSPEC_FEATURES="); found && value != "" {
			return place, environ, nil
		}
	}
	for _, folder := range []string{"slo", "features", "."} {
		files, err := filepath.Glob(filepath.Join(call.Dir, folder, "*.feature"))
		if err == nil && files != nil {
			place.Features = filepath.Join(call.Dir, folder)
			return place, environ, nil
		}
	}
	return place, nil, command.Mistakef("there are no features in %s, nor in its folders slo and features: name some, or begin with vllmspec init; vllmspec test features/users.feature runs one that comes with vllmspec", call.Dir)
}

// withoutLines are the lines that a file's scenarios are named by.
var withoutLines = regexp.MustCompile(`(:\d{1,9})+$`)

// run runs features until the time is over, as go test does.
func (s *settings) run(call *command.Call, place environment.Place, environ []string) (err error) {
	chosen, err := s.chosen()
	if err != nil {
		return err
	}
	place.Program = "vllmspec test"
	env, mistakes := environment.ReadAt(place, environ)
	if s.sendTo != nil {
		env.Bucket, env.Store = s.sendTo.Bucket, s.sendTo.Store
	}
	var deadline time.Time
	if s.timeout > 0 {
		deadline = time.Now().Add(s.timeout)
	}
	interrupt := new(suite.Interrupt)
	defer interrupt.Watch(call.Out)()
	of := suite.New(env, deadline, interrupt, call.Out)
	defer func() { err = errors.Join(err, of.Close()) }()
	if of.Refuse(mistakes) != nil {
		return &command.Mistake{Err: fmt.Errorf("the environment: %w", mistakes)}
	}
	of.Select(chosen)
	all, err := of.Features()
	if err != nil {
		return &command.Mistake{Err: err}
	}
	if s.wait > 0 {
		if err := of.Refuse(awaitServers(call, env, s.wait, interrupt)); err != nil {
			return err
		}
	}
	failed := false
	for _, feature := range all {
		passed, err := runOne(call, of, feature)
		if err != nil {
			return err
		}
		failed = failed || !passed
	}
	if failed {
		return command.ErrShown
	}
	return nil
}

// runOne runs a feature by its clock, and reports whether it passed.
func runOne(call *command.Call, of *suite.Suite, feature suite.Feature) (passed bool, err error) {
	run := func() { passed, err = of.Run(feature) }
	if feature.Virtual {
		call.Bubble(run)
	} else {
		run()
	}
	return passed, err
}

// chosen is which scenarios are run; nil for all.
func (s *settings) chosen() (func(feature, scenario string) bool, error) {
	if s.only == "" {
		return nil, nil
	}
	pattern, err := regexp.Compile(s.only)
	if err != nil {
		return nil, command.Mistakef("--run is %q, which is no regular expression: %w", s.only, err)
	}
	return func(feature, scenario string) bool {
		return pattern.MatchString(scenario) || pattern.MatchString(feature)
	}, nil
}
