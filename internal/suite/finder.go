package suite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/reports/ci"
	"github.com/vllmspec/vllmspec/steps"
)

// A Feature is one feature file with at least one scenario that is run: all those of
// one clock. A file with scenarios of both clocks is two of them.
type Feature struct {
	Path    string // from the module's root, with slashes
	Virtual bool   // runs on a virtual clock, in a bubble
	text    string // of the file, without the scenarios that are not run; "": as it stands
	half    bool   // the scenarios of the other clock are another Feature

	scenarios int // that are run
}

// Name is the name of its test: the file's path, and for the scenarios of a file that
// run on the mock while others of it do not, "features/x.feature@simulated".
func (f Feature) Name() string {
	if f.half && f.Virtual {
		return f.Path + "@simulated"
	}
	return f.Path
}

// A finder finds the scenarios that are to be run here: of all feature files those that lines, tags and go test's
// flags choose, and that can run on the servers that there are.
type finder struct {
	env    *environment.Environment
	source source
	reader *steps.Reader
	paths  paths
	noGPU  func() string                       // why no GPU of the server can be read; "" where one can
	wanted func(feature, scenario string) bool // nil: all

	setting func(Feature, *parsed) steps.Setting // in which a feature is run

	unchosen bool                 // some scenarios are not wanted
	left     []ci.LeftOut         // scenarios that cannot run here
	notes    []string             // that say so
	numbers  map[string]numbering // of the scenarios of each file
}

// features are those that are to be run, in the order of their paths. The error names everything that is wrong; then
// those features are returned with which nothing is.
func (f *finder) features() (features []Feature, err error) {
	if err := checkTags(f.env.Tags); err != nil {
		return nil, err
	}
	var broken []error // all of them, or each would cost a try
	var files []string
	for _, path := range f.env.Features {
		found, err := environment.FeatureFiles(path)
		files, broken = append(files, found...), append(broken, err)
	}
	for _, path := range environment.EachOnce(files) {
		selected, err := f.inspect(path)
		features = append(features, selected...)
		if err != nil {
			broken = append(broken, &brokenFeature{path: f.paths.fromRoot(path), err: err})
		}
	}
	slices.SortStableFunc(features, func(a, b Feature) int { return strings.Compare(a.Path, b.Path) })
	if err := errors.Join(broken...); err != nil {
		return features, err
	}
	if len(features) == 0 {
		return nil, f.nothingSelected()
	}
	return features, nil
}

// inspect reads one feature file and returns those of its scenarios that are selected
// and can run here.
func (f *finder) inspect(path string) ([]Feature, error) {
	feature := Feature{Path: f.paths.fromRoot(path)}
	file, err := f.source.parse(feature)
	if err != nil {
		return nil, unreadable(feature.Path, err)
	}
	if file.document == nil && f.env.Tags == "" {
		return nil, fmt.Errorf("%s: the file is empty; a feature begins with the word Feature", feature.Path)
	}
	whole, err := source{root: f.source.root}.parse(feature)
	if err != nil {
		return nil, err
	}
	f.numbers[feature.Path] = whole.numbers()
	switch {
	case file.document == nil:
		return nil, nil
	case file.document.Feature == nil || len(file.document.Feature.Children) == 0:
		return nil, fmt.Errorf("%s: the file holds no scenario", feature.Path)
	}
	options := f.source.options(feature, io.Discard)
	misread := errors.Join(f.swallowed(file, options.FS, options.Paths[0]), f.reader.Check(file.scenarios, f.onMock, file.places.Where))
	if len(file.scenarios) == 0 {
		return nil, misread
	}
	chosen, err := f.choose(file, path)
	if err != nil {
		return nil, errors.Join(misread, err)
	}
	features, err := f.divide(file, chosen)
	if err := errors.Join(misread, err); err != nil {
		return nil, errors.Join(err, f.mistakes(features))
	}
	return features, nil
}

// mistakes are what is wrong with the scenarios of features that can be read, as far as that is known without a
// server: files that are missing or broken, and sentences that do not go together.
func (f *finder) mistakes(features []Feature) error {
	var all []error
	for _, of := range features {
		file, err := f.source.parse(of)
		if err != nil {
			all = append(all, &brokenFeature{path: of.Path, err: err})
			continue
		}
		said := map[string]bool{} // a background's sentences stand in every scenario
		var errs []error
		for _, scenario := range file.scenarios {
			_, err := f.reader.Plan(scenario, f.setting(of, file))
			for _, one := range separate(err) {
				if one != nil && !said[one.Error()] {
					said[one.Error()] = true
					errs = append(errs, one)
				}
			}
		}
		if err := errors.Join(errs...); err != nil {
			all = append(all, &brokenFeature{path: of.Path, err: err})
		}
	}
	return errors.Join(all...)
}

// divide says which of the chosen scenarios of a file are run, on which clock. What is left out is noted.
func (f *finder) divide(file *parsed, chosen []*godog.Scenario) (features []Feature, err error) {
	if len(chosen) == 0 {
		return nil, nil
	}
	var left []ci.LeftOut
	run := map[bool][]*godog.Scenario{} // by clock: virtual or not
	for _, scenario := range chosen {
		why, err := f.whyNot(scenario)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.places.Where(scenario.AstNodeIds), err)
		}
		if why != "" {
			left = append(left, f.leaveOut(file, scenario, why))
			continue
		}
		virtual := !f.env.Live() || tagged(scenario, "@simulated")
		run[virtual] = append(run[virtual], scenario)
	}
	f.noteLeft(file.path, left, len(left) == len(chosen))
	for _, virtual := range []bool{false, true} {
		if len(run[virtual]) == 0 {
			continue
		}
		feature := Feature{Path: file.path, Virtual: virtual, half: len(run[!virtual]) > 0, scenarios: len(run[virtual])}
		if len(run[virtual]) < len(file.scenarios) {
			raw, err := os.ReadFile(f.env.FromRoot(filepath.FromSlash(file.path)))
			if err == nil {
				raw, err = featureText(file.path, raw)
			}
			if err != nil {
				return nil, err
			}
			feature.text = only(raw, file.document.Feature, run[virtual])
		}
		features = append(features, feature)
	}
	return features, nil
}

// leaveOut is a scenario that cannot run here.
func (f *finder) leaveOut(file *parsed, scenario *godog.Scenario, why string) ci.LeftOut {
	row := file.places.Line(scenario)
	n := f.numbers[file.path][row]
	return ci.LeftOut{Feature: file.title(), Path: file.path, File: f.paths.inRepository(file.path), Scenario: scenario.Name,
		Where: fmt.Sprintf("%s:%d", file.path, row), Row: int(row), Nth: n.nth, Of: n.of, Why: why}
}

// noteLeft keeps what is left out of a file, and says so: in one line where it is all
// of it, for one reason.
func (f *finder) noteLeft(path string, left []ci.LeftOut, all bool) {
	f.left = append(f.left, left...)
	if all && !slices.ContainsFunc(left, func(l ci.LeftOut) bool { return l.Why != left[0].Why }) {
		f.notes = append(f.notes, fmt.Sprintf("%s is left out: %s", path, left[0].Why))
		return
	}
	for _, l := range left {
		f.notes = append(f.notes, fmt.Sprintf("%s: the scenario %q is left out: %s", l.Where, l.Scenario, l.Why))
	}
}

// nothingSelected says why no scenario is run at all.
func (f *finder) nothingSelected() error {
	switch {
	case f.left != nil:
		return errors.New(strings.Join(f.notes, "\n"))
	case f.wanted != nil && f.unchosen:
		return errors.New("no scenario was run: -run or -skip leaves none of those that VLLMSPEC_FEATURES and the tags select")
	case f.env.Tags != "":
		return fmt.Errorf("the tags %q select no scenario", f.env.Tags)
	}
	return fmt.Errorf("there is no .feature file in %s", strings.Join(f.env.Features, ", "))
}

// noneRan says that -run or -skip left no feature.
func noneRan(found []Feature, test string) error {
	const most = 8
	var names []string
	for _, f := range found[:min(most, len(found))] {
		names = append(names, f.Name())
	}
	if len(found) > most {
		names = append(names, "…")
	}
	return fmt.Errorf("no feature was run: -run or -skip leaves none of %d. Patterns are matched between slashes, as in -run %s/%s; there are %s", len(found), test, found[0].Name(), strings.Join(names, ", "))
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

// checkTags accepts what godog understands. It silently selects nothing for the
// rest, and a run of nothing must not look like a pass.
func checkTags(expression string) error {
	if expression == "" {
		return nil
	}
	term := `~?@[^\s,&~@()]+`
	and := regexp.MustCompile(`^\s*` + term + `(\s*&&\s*` + term + `)*\s*$`)
	or := regexp.MustCompile(`^\s*` + term + `(\s*,\s*` + term + `)*\s*$`)
	if and.MatchString(expression) || or.MatchString(expression) {
		return nil
	}
	return fmt.Errorf("the tags %q cannot be used; write @a && ~@b (both) or @a,@b (either): no \"not\", \"and\", \"or\" or parentheses, and && and , not in one", expression)
}
