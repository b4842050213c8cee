package features

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/features"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// teachingFolder is what the features that come with vllmspec are called by: features, features/users.feature.
const teachingFolder = "features"

// teaching reports whether all names are features that come with vllmspec, and none is a file or folder here. Names
// of which some are here cannot be run with others that are not.
func teaching(call *command.Call, names []string) (all bool, err error) {
	var here, ours []string
	for _, name := range names {
		file := withoutLines.ReplaceAllString(name, "")
		if _, err := os.Stat(call.Path(file)); err == nil || !isTeaching(file) {
			here = append(here, name)
			continue
		}
		if file := path.Base(filepath.ToSlash(file)); file != teachingFolder {
			if known := features.Names(); !slices.Contains(known, strings.TrimSuffix(file, ".feature")) {
				return false, command.Mistakef("there is no file %s, and none of this name comes with vllmspec%s", call.Path(name), spelling.DidYouMean(strings.TrimSuffix(file, ".feature"), known))
			}
		}
		ours = append(ours, name)
	}
	if ours != nil && here != nil {
		return false, command.Mistakef("there is no file %s here; the one that comes with vllmspec runs without yours: vllmspec test %[1]s", ours[0])
	}
	return ours != nil, nil
}

// isTeaching reports whether a name is that of a feature that may come with vllmspec.
func isTeaching(file string) bool {
	file = path.Clean(filepath.ToSlash(file))
	return file == teachingFolder || path.Dir(file) == teachingFolder && path.Ext(file) == ".feature"
}

// runTeaching runs features that come with vllmspec. They are unpacked for the time of the run, into a folder that is
// gone afterwards: go test would find copies beside the results, and run them as the user's own.
func (s *settings) runTeaching(call *command.Call, names []string) (err error) {
	environ := s.environ(call)
	here := environment.Place{Root: environment.Module(call.Dir), Dir: call.Dir}
	env, mistakes := environment.ReadAt(here, environ)
	if mistakes != nil {
		return &command.Mistake{Err: fmt.Errorf("the environment: %w", mistakes)}
	}
	root, err := os.MkdirTemp("", "vllmspec-features-")
	if err != nil {
		return fmt.Errorf("a folder for the features that come with vllmspec: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	if err := unpack(filepath.Join(root, teachingFolder)); err != nil {
		return err
	}
	fmt.Fprintf(call.Out, "%s: not in this folder, so that what comes with vllmspec is run. vllmspec init --feature NAME copies one to slo.\n", strings.Join(names, ", "))
	place := environment.Place{Root: root, Dir: call.Dir}
	s.sendTo = &env // which the folder of the results, named below, takes the place of
	return s.run(call, place, append(environ, "VLLMSPEC_OUT="+env.Out, "VLLMSPEC_FEATURES="+strings.Join(names, ",")))
}

// unpack writes the features that come with vllmspec into a folder.
func unpack(folder string) error {
	return fs.WalkDir(features.Files(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(features.Files(), name)
		if err != nil {
			return err
		}
		return write(filepath.Join(folder, filepath.FromSlash(name)), string(text))
	})
}
