package suite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/reports/ci"
)

// A Feature is one feature file with at least one scenario that is run: all those of
// one clock. A file with scenarios of both clocks is two of them.
type Feature struct {
	Path    string // from the module's root, with slashes
	Virtual bool   // runs on a virtual clock, in a bubble
	text    string // of the file, without the scenarios that are not run; "": as it stands
	half    bool   // the scenarios of the other clock are another Feature
}

// Name is the name of its test: the file's path, and for the scenarios of a file that
// run on the mock while others of it do not, "features/x.feature@simulated".
func (f Feature) Name() string {
	if f.half && f.Virtual {
		return f.Path + "@simulated"
	}
	return f.Path
}

// divide says which of a file's scenarios are run, on which clock: of all that its tags select
// those that were chosen. What is left out is noted.
func (s *Suite) divide(of Feature, parsed *messages.GherkinDocument, all, pickles []*godog.Scenario) (features []Feature, err error) {
	var left []ci.LeftOut
	run := map[bool][]*godog.Scenario{} // by clock: virtual or not
	for _, pickle := range pickles {
		why, err := s.leftOut(context.Background(), pickle)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.where(pickle.AstNodeIds), err)
		}
		if why != "" {
			left = append(left, s.leaveOut(of, parsed.Feature.Name, pickle, why))
			continue
		}
		virtual := !s.live() || tagged(pickle, "@simulated")
		run[virtual] = append(run[virtual], pickle)
	}
	if len(pickles) == 0 {
		return nil, nil
	}
	s.noteLeft(of.Path, left, len(left) == len(pickles))
	for _, virtual := range []bool{false, true} {
		if len(run[virtual]) == 0 {
			continue
		}
		f := Feature{Path: of.Path, Virtual: virtual, half: len(run[!virtual]) > 0}
		if len(run[virtual]) < len(all) {
			raw, err := os.ReadFile(s.env.FromRoot(filepath.FromSlash(of.Path)))
			if err == nil {
				raw, err = featureText(of.Path, raw)
			}
			if err != nil {
				return nil, err
			}
			f.text = only(raw, parsed.Feature, run[virtual])
		}
		features = append(features, f)
	}
	return features, nil
}

// noteLeft keeps what is left out of a file, and says so: in one line where it is all
// of it, for one reason.
func (s *Suite) noteLeft(path string, left []ci.LeftOut, all bool) {
	s.left = append(s.left, left...)
	if all && !slices.ContainsFunc(left, func(l ci.LeftOut) bool { return l.Why != left[0].Why }) {
		s.lines = append(s.lines, fmt.Sprintf("%s is left out: %s", path, left[0].Why))
		return
	}
	for _, l := range left {
		s.lines = append(s.lines, fmt.Sprintf("%s: the scenario %q is left out: %s", l.Where, l.Scenario, l.Why))
	}
}

func tagged(pickle *godog.Scenario, names ...string) bool {
	return slices.ContainsFunc(pickle.Tags, func(tag *messages.PickleTag) bool { return slices.Contains(names, tag.Name) })
}

// leftOut is why a scenario cannot run here: its tags, or those of its rule, its
// examples or its feature, say that it needs a real server (@live), or one with a GPU
// that can be read (@gpu), or it is measured on the mock where only a real server is to
// be measured. "" where it can run. Tags that exclude each other are an error.
func (s *Suite) leftOut(ctx context.Context, pickle *godog.Scenario) (string, error) {
	onMock := tagged(pickle, "@simulated") || s.reader.BringsMock(pickle)
	switch {
	case onMock && tagged(pickle, "@live", "@gpu"):
		return "", errors.New("the scenario is to run on a real server, as its tag @live or @gpu says, and on a simulated one; keep one of the two")
	case onMock && s.env.OnlyReal:
		return "it is measured on the mock, and VLLMSPEC_TARGET=live measures real servers only", nil
	case !tagged(pickle, "@live", "@gpu"):
		return "", nil
	case s.env.URLs == nil && s.env.Launch == nil:
		return "it needs a real server: set VLLM_URL, VLLM_COMMAND or VLLM_IMAGE", nil
	case !tagged(pickle, "@gpu"):
		return "", nil
	}
	if s.noGPU == nil {
		why := s.session.WhyNoGPU(ctx)
		s.noGPU = &why
	}
	return *s.noGPU, nil
}

// only is a feature file with nothing but these of its scenarios: the lines of all
// others are empty, so that every line keeps its number.
func only(raw []byte, feature *messages.Feature, keep []*godog.Scenario) string {
	kept := map[string]bool{} // nodes of the file: scenarios, and rows of examples
	for _, pickle := range keep {
		for _, id := range pickle.AstNodeIds {
			kept[id] = true
		}
	}
	lines := bytes.Split(raw, []byte("\n"))
	blank := func(from, to int64) { // lines count from 1; to is the first that stays
		for i := from; i < min(to, int64(len(lines))+1); i++ {
			lines[i-1] = nil
		}
	}
	all := scenariosOf(feature, int64(len(lines))+1)
	for _, at := range all {
		if !kept[at.scenario.Id] {
			blank(at.from, at.to)
			continue
		}
		for i, examples := range at.scenario.Examples {
			to := at.to
			if i+1 < len(at.scenario.Examples) {
				to = firstLine(at.scenario.Examples[i+1].Tags, at.scenario.Examples[i+1].Location)
			}
			some := false
			for _, row := range examples.TableBody {
				if some = some || kept[row.Id]; !kept[row.Id] {
					blank(row.Location.Line, row.Location.Line+1)
				}
			}
			if !some {
				blank(firstLine(examples.Tags, examples.Location), to)
			}
		}
	}
	return string(bytes.Join(lines, []byte("\n")))
}

// A span is where a scenario stands in its file.
type span struct {
	scenario *messages.Scenario
	from, to int64 // lines: its first, with its tags, and the first of what comes after it
}

// scenariosOf are all scenarios of a feature, those of its rules too, in a file that
// ends before a line.
func scenariosOf(feature *messages.Feature, end int64) (all []span) {
	var starts []int64
	add := func(scenario *messages.Scenario, from int64) {
		starts = append(starts, from)
		if scenario != nil {
			all = append(all, span{scenario: scenario, from: from})
		}
	}
	for _, child := range feature.Children {
		switch {
		case child.Scenario != nil:
			add(child.Scenario, firstLine(child.Scenario.Tags, child.Scenario.Location))
		case child.Rule != nil:
			add(nil, firstLine(child.Rule.Tags, child.Rule.Location))
			for _, inner := range child.Rule.Children {
				if inner.Scenario != nil {
					add(inner.Scenario, firstLine(inner.Scenario.Tags, inner.Scenario.Location))
				}
			}
		}
	}
	for i := range all {
		all[i].to = end
		for _, start := range starts {
			if start > all[i].from {
				all[i].to = min(all[i].to, start)
			}
		}
	}
	return all
}

// firstLine is where something begins: at its first tag, if it has one.
func firstLine(tags []*messages.Tag, at *messages.Location) int64 {
	line := at.Line
	for _, tag := range tags {
		line = min(line, tag.Location.Line)
	}
	return line
}

// onMock reports whether a scenario is measured on the mock here, if it is measured.
func (s *Suite) onMock(pickle *godog.Scenario) bool {
	return tagged(pickle, "@simulated") || s.reader.BringsMock(pickle) || !s.live() && !tagged(pickle, "@live", "@gpu")
}

// nothingSelected says why no scenario is run at all.
func (s *Suite) nothingSelected() error {
	switch {
	case s.left != nil:
		return errors.New(strings.Join(s.lines, "\n"))
	case s.selects != nil && s.unchosen:
		return errors.New("no scenario was run: -run or -skip leaves none of those that VLLMSPEC_FEATURES and the tags select")
	case s.env.Tags != "":
		return fmt.Errorf("the tags %q select no scenario", s.env.Tags)
	}
	return fmt.Errorf("there is no .feature file in %s", strings.Join(s.env.Features, ", "))
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

// A cutFS has another text in place of that of one file. (godog's FeatureContents are
// no way to do that: they are run, and not what RetrieveFeatures reads.)
type cutFS struct {
	fs.FS
	path, text string
}

// Open opens a file, or its other text.
func (c cutFS) Open(name string) (fs.File, error) {
	file, err := c.FS.Open(name)
	if err != nil || name != c.path {
		return file, err
	}
	return cutFile{file, strings.NewReader(c.text)}, nil
}

// A cutFile is a file of which another text is read.
type cutFile struct {
	fs.File
	text *strings.Reader
}

// Read reads the other text.
func (f cutFile) Read(into []byte) (int, error) { return f.text.Read(into) }
