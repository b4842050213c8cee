package suite

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/reports/ci"
)

// A numbering says of each scenario of a file which of its name it is, by its line, whatever
// tags and lines select.
type numbering map[int64]numbered

type numbered struct{ nth, of int }

// number counts the scenarios of a file.
func (s *Suite) number(feature Feature) error {
	options := s.options(feature, io.Discard)
	options.Tags = ""
	parsed, err := godog.TestSuite{Options: options}.RetrieveFeatures()
	if err != nil {
		return err
	}
	lines, counts := map[string][]int64{}, numbering{}
	for _, f := range parsed {
		at := linesOf(f.Feature)
		for _, pickle := range f.Pickles {
			lines[pickle.Name] = append(lines[pickle.Name], at[last(pickle.AstNodeIds)])
		}
	}
	for _, of := range lines {
		slices.Sort(of)
		for i, line := range of {
			counts[line] = numbered{i + 1, len(of)}
		}
	}
	s.places[feature.Path] = counts
	return nil
}

// last is the node of a pickle that is its own: its scenario, or the row of the outline that it is.
func last(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1]
}

// linesOf are the lines of a feature's scenarios and rows of examples.
func linesOf(feature *messages.Feature) map[string]int64 {
	lines := map[string]int64{}
	if feature == nil {
		return lines
	}
	for _, at := range scenariosOf(feature, 0) {
		lines[at.scenario.Id] = at.scenario.Location.Line
		for _, examples := range at.scenario.Examples {
			for _, row := range examples.TableBody {
				lines[row.Id] = row.Location.Line
			}
		}
	}
	return lines
}

// locate remembers where each step and each row of a table stands.
func (s *Suite) locate(feature Feature) error {
	parsed, err := godog.TestSuite{Options: s.options(feature, io.Discard)}.RetrieveFeatures()
	if err != nil {
		return err
	}
	s.locations, s.rows, s.title, s.pickles = map[string]int64{}, map[string][]int64{}, "", nil
	note := func(steps []*messages.Step) {
		for _, step := range steps {
			s.locations[step.Id] = step.Location.Line
			if step.DataTable != nil {
				for _, row := range step.DataTable.Rows {
					s.rows[step.Id] = append(s.rows[step.Id], row.Location.Line)
				}
			}
		}
	}
	scenario := func(sc *messages.Scenario) {
		if sc != nil {
			s.locations[sc.Id] = sc.Location.Line
			note(sc.Steps)
			for _, examples := range sc.Examples {
				for _, row := range examples.TableBody {
					s.locations[row.Id] = row.Location.Line
				}
			}
		}
	}
	for _, f := range parsed {
		s.title, s.pickles = f.Feature.Name, f.Pickles
		for _, child := range f.Feature.Children {
			scenario(child.Scenario)
			if child.Background != nil {
				note(child.Background.Steps)
			}
			if child.Rule != nil {
				for _, inner := range child.Rule.Children {
					scenario(inner.Scenario)
					if inner.Background != nil {
						note(inner.Background.Steps)
					}
				}
			}
		}
	}
	return nil
}

// locateResult says where the scenario stands.
func (s *Suite) locateResult(t *ci.ScenarioResult, pickle *godog.Scenario) {
	row := s.locations[last(pickle.AstNodeIds)]
	n := s.places[s.file][row]
	t.Feature, t.Path, t.File = s.title, s.file, s.inRepository(s.file)
	t.Row, t.Nth, t.Of = int(row), n.nth, n.of
}

// noteEmpty tells of scenarios without a sentence: godog fails them without a word to us.
func (s *Suite) noteEmpty() {
	for _, pickle := range s.pickles {
		if len(pickle.Steps) > 0 {
			continue
		}
		t := ci.ScenarioResult{Scenario: pickle.Name, Where: s.where(pickle.AstNodeIds), Outcome: ci.Failed, Headline: "The scenario has no sentences, and so shows nothing."}
		t.Failure, t.Began = t.Headline, s.clock.now()
		s.locateResult(&t, pickle)
		s.told = append(s.told, t)
	}
}

// leaveOut is a scenario that cannot run here.
func (s *Suite) leaveOut(of Feature, title string, pickle *godog.Scenario, why string) ci.LeftOut {
	row := s.locations[last(pickle.AstNodeIds)]
	n := s.places[of.Path][row]
	return ci.LeftOut{Feature: title, Path: of.Path, File: s.inRepository(of.Path), Scenario: pickle.Name,
		Where: fmt.Sprintf("%s:%d", of.Path, row), Row: int(row), Nth: n.nth, Of: n.of, Why: why}
}

// A brokenFeature is a file that cannot be run.
type brokenFeature struct {
	path string
	err  error
}

// Error says why.
func (b *brokenFeature) Error() string { return b.err.Error() }

// Unwrap is why.
func (b *brokenFeature) Unwrap() error { return b.err }

// refusals are why nothing was run, each broken file by itself.
func (s *Suite) refusals() (all []ci.Refusal) {
	var rest []error
	for _, err := range separate(s.refused) {
		if broken, ok := err.(*brokenFeature); ok {
			all = append(all, ci.Refusal{Path: broken.path, File: s.inRepository(broken.path), Why: broken.Error()})
			continue
		}
		rest = append(rest, err)
	}
	if err := errors.Join(rest...); err != nil {
		all = append(all, ci.Refusal{Why: err.Error(), AfterSome: s.cutShort()})
	}
	return all
}

// cutShort reports whether the tests were interrupted after some scenario.
func (s *Suite) cutShort() bool {
	_, interrupted := s.interrupt.By()
	return interrupted && len(s.told) > 0
}

// separate are the errors that were joined to one.
func separate(err error) (all []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, one := range joined.Unwrap() {
		all = append(all, separate(one)...)
	}
	return all
}

// repositoryOf is the folder that CI systems count the paths of files from: the top of the repository that the
// module is in, or else the folder that they check out to; "" where neither is known.
func repositoryOf(env environment.Environment) string {
	out, err := exec.Command("git", "-C", env.Root, "rev-parse", "--show-prefix").Output()
	if err != nil {
		if rel, err := filepath.Rel(env.Workspace, env.Root); env.Workspace != "" && err == nil && filepath.IsLocal(rel) {
			return filepath.Clean(env.Workspace)
		}
		return ""
	}
	top := filepath.Clean(env.Root) // without its last folders, which git names: it may be reached by a link
	for range strings.Count(string(out), "/") {
		top = filepath.Dir(top)
	}
	return top
}

// inRepository is a path as CI systems link it.
func (s *Suite) inRepository(path string) string {
	if s.top == "" {
		return path
	}
	rel, err := filepath.Rel(s.top, s.env.FromRoot(filepath.FromSlash(path)))
	if err != nil || !filepath.IsLocal(rel) {
		return path
	}
	return filepath.ToSlash(rel)
}
