package suite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/export"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/redact"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/ci"
	"github.com/vllmspec/vllmspec/reports/live"
	"github.com/vllmspec/vllmspec/steps"
)

// A Suite runs feature files. Everything in it that belongs to one `go test`
// is set before the first feature; the rest belongs to the feature being run.
type Suite struct {
	env       environment.Environment
	began     time.Time // on the wall clock, read outside any bubble
	limit     time.Time // when go test kills us; zero: never
	interrupt *Interrupt
	output    *console
	results   *ci.Folder
	clock     *wallClock
	told      []ci.ScenarioResult  // of the scenarios that ran, for CI systems
	cucumber  []ci.CucumberFeature // likewise, as godog writes them
	locations map[string]int64     // AST node id → line, of the feature being run
	rows      map[string][]int64
	file      string
	title     string            // of the feature being run
	pickles   []*godog.Scenario // of it
	reader    *steps.Reader
	selects   func(feature, scenario string) bool // which scenarios are run; nil: all
	unchosen  bool                                // some are not
	places    map[string]numbering                // of the scenarios of each feature
	top       string                              // folder of the repository
	inBubble  bool
	progress  *console       // for a person who waits
	terminal  *live.Terminal // …and what is written there; nil until a live run
	dashboard *live.Server   // of all live runs; nil until one needs it
	undone    error          // why there is no dashboard
	session   *experiment.Session
	onStage   func(Stage)        // see [Suite.OnStage]
	left      []ci.LeftOut       // scenarios that cannot run here
	lines     []string           // that say so
	noGPU     *string            // why none can be read; nil: not looked for yet
	found     []Feature          // that are to be run
	ran       int                // of them
	refused   error              // why nothing is run at all
	token     *credentials.Token // once one was needed
	secrets   *redact.Secrets    // that no output shows
	commit    string             // of the features, in git
	page      *export.Page       // for Prometheus; nil: not asked for, or no run needed it yet
	pageless  bool               // it could not be served
}

// New returns a suite that runs until the deadline. The interrupt, once it is set, ends the run
// that is on. The results that an earlier one left for CI systems are removed: a test that
// is killed must not leave the verdict of the one before.
func New(env environment.Environment, deadline time.Time, interrupt *Interrupt, output io.Writer) *Suite {
	neverCached(env.Root)
	results, err := ci.Begin(env.Disk, env.Out, ci.CurrentSession())
	s := &Suite{env: env, began: time.Now(), limit: deadline, interrupt: interrupt, onStage: func(Stage) {}, commit: commitOf(env.Root), secrets: env.Secrets(),
		results: results, clock: newWallClock(), reader: steps.NewReader(), places: map[string]numbering{}, top: repositoryOf(env), refused: err}
	s.output = &console{out: output, clean: s.clean}
	s.progress = s.output
	s.results.Redact = s.secrets.OwnFile
	s.session = s.newSession()
	return s
}

// Refuse keeps an error for which nothing is run, one of the environment say, so that
// junit.xml and the others say it too, and returns it.
func (s *Suite) Refuse(err error) error {
	err = s.shown(err)
	s.refused = errors.Join(s.refused, err)
	return err
}

// ShowProgress says where a person can see how the start of a server gets on.
func (s *Suite) ShowProgress(w io.Writer) { s.progress = &console{out: w, clean: s.clean} }

// Features finds the feature files, checks that each can be read and that the
// tags select something, and says which server is measured.
func (s *Suite) Features() ([]Feature, error) {
	features, err := s.features()
	s.refused = errors.Join(s.refused, s.shown(err))
	if s.refused != nil {
		return nil, s.refused
	}
	s.found = features
	s.announce()
	return features, nil
}

func (s *Suite) features() ([]Feature, error) {
	if err := checkTags(s.env.Tags); err != nil {
		return nil, err
	}
	var features []Feature
	var broken []error // all of them, or each would cost a try
	var files []string
	for _, path := range s.env.Features {
		found, err := environment.FeatureFiles(path)
		files, broken = append(files, found...), append(broken, err)
	}
	for _, path := range environment.EachOnce(files) {
		selected, err := s.inspect(path)
		features = append(features, selected...)
		if err != nil {
			broken = append(broken, &brokenFeature{path: s.fromRoot(path), err: err})
		}
	}
	if err := errors.Join(broken...); err != nil {
		return nil, err
	}
	if len(features) == 0 {
		return nil, s.nothingSelected()
	}
	slices.SortStableFunc(features, func(a, b Feature) int { return strings.Compare(a.Path, b.Path) })
	return features, nil
}

// inspect reads one feature file and returns those of its scenarios that are selected
// and can run here.
func (s *Suite) inspect(path string) ([]Feature, error) {
	feature := Feature{Path: s.fromRoot(path)}
	parsed, err := godog.TestSuite{Options: s.options(feature, io.Discard)}.RetrieveFeatures()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", feature.Path, err)
	}
	if len(parsed) == 0 && s.env.Tags == "" {
		return nil, fmt.Errorf("%s: the file is empty; a feature begins with the word Feature", feature.Path)
	}
	if err := s.number(feature); err != nil {
		return nil, err
	}
	for _, f := range parsed {
		if f.Feature == nil || len(f.Feature.Children) == 0 {
			return nil, fmt.Errorf("%s: the file holds no scenario", feature.Path)
		}
		s.file = feature.Path
		if err := s.locate(feature); err != nil {
			return nil, err
		}
		if err := s.reader.Check(f.Pickles, s.onMock, s.where); err != nil {
			return nil, err
		}
		if len(f.Pickles) > 0 {
			chosen, err := s.choose(feature, path, f.GherkinDocument, f.Pickles)
			if err != nil {
				return nil, err
			}
			return s.divide(feature, f.GherkinDocument, f.Pickles, chosen)
		}
	}
	return nil, nil
}

// Run runs one feature and reports whether it passed. A virtual feature is to
// be run inside a testing/synctest bubble.
func (s *Suite) Run(feature Feature) (bool, error) {
	s.inBubble, s.file = feature.Virtual, feature.Path
	s.ran++
	s.announceToReader()
	if err := s.locate(feature); err != nil {
		return false, err
	}
	file, err := ci.NewCucumberFile(s.env.Out)
	if err != nil {
		return false, err
	}
	shown := &withoutCode{to: s.output}
	options := s.options(feature, shown)
	options.Format = file.Formats()
	defer file.Close()
	status := godog.TestSuite{Name: feature.Path, ScenarioInitializer: s.register, Options: options}.Run()
	_ = shown.Close()
	s.output.flush()
	s.noteEmpty()
	ran, err := file.Read(s.secrets.OwnFile)
	s.cucumber = append(s.cucumber, ran...)
	return status == 0, s.shown(err)
}

// Close stops what was started for all features, and writes junit.xml and
// cucumber.json of those that ran, and the list of all runs. That features were to be
// run and none was is an error: nothing passes on no data. So is an interrupt, whatever
// passed before it.
func (s *Suite) Close() error {
	var leaving sync.WaitGroup
	if leaving.Go(s.leave); !s.interrupt.isSet() { // else there is little time
		leaving.Wait()
	}
	defer leaving.Wait()
	s.closeDashboard()
	var unrun error
	before := s.refuseInterrupted()
	if before == nil && len(s.found) > 0 && s.ran == 0 && s.refused == nil {
		unrun = s.Refuse(noneRan(s.found, cmp.Or(s.env.Test, "TestFeatures")))
	}
	err := errors.Join(before, unrun, s.writeAll())
	if before == nil {
		if late := s.refuseInterrupted(); late != nil {
			err = errors.Join(err, late, s.results.End(ci.Results{Refused: s.refusals()}, nil))
		}
	}
	return s.shown(err)
}

// refuseInterrupted keeps, as the reason why not everything was run, that the tests were
// interrupted; nil where they were not, or a scenario that failed has said so.
func (s *Suite) refuseInterrupted() error {
	by, interrupted := s.interrupt.By()
	if !interrupted || slices.ContainsFunc(s.told, func(t ci.ScenarioResult) bool { return !t.Passed }) {
		return nil
	}
	return s.Refuse(testsWere(by))
}

// register has godog carry out each scenario, and notes what became of it.
func (s *Suite) register(sc *godog.ScenarioContext) {
	var began time.Time
	sc.Before(func(ctx context.Context, _ *godog.Scenario) (context.Context, error) {
		began = s.clock.now()
		return ctx, nil
	})
	s.reader.Bind(sc, steps.Setting{Session: s.session, Files: &s.env, Feature: s.file, Folder: s.env.FromRoot(filepath.Dir(filepath.FromSlash(s.file))),
		Virtual: s.inBubble, Live: s.live(), Lenient: s.env.Lenient, Where: s.where, Ended: func(r steps.Result) { s.noteResult(began, r) }})
}

func testsWere(by harness.Interruption) error { return fmt.Errorf("the tests were %w", by) }

func (s *Suite) writeAll() error {
	defer s.clock.stop()
	ran := ci.Results{Told: s.told, Left: s.left, Refused: s.refusals()}
	s.onStage(Publishing)
	return errors.Join(s.results.End(ran, s.cucumber), reports.WriteIndexOn(s.env.Disk, s.env.Out), s.tellGitHub(ran))
}

// A Stage is where a scenario has got to.
type Stage = experiment.Stage

// The stages after a load, in their order. What comes before them shows at the server.
const (
	Judging          = experiment.Judging
	Writing          = experiment.Writing
	Publishing Stage = "publishing" // what CI systems read of all scenarios
)

// OnStage has a function called when a stage begins, by the goroutine that goes through it: tests
// hold it up there, or break it.
func (s *Suite) OnStage(f func(Stage)) { s.onStage = f }

func (s *Suite) options(feature Feature, output io.Writer) *godog.Options {
	root, path := s.env.Root, feature.Path
	if filepath.IsAbs(path) {
		root, path = "/", strings.TrimPrefix(path, "/")
	}
	options := &godog.Options{
		FS: textFS{os.DirFS(root)}, Paths: []string{path}, Tags: s.env.Tags, Output: output,
		// Without Strict an unknown sentence passes, and of two that match the first wins.
		Strict: true, Concurrency: 1, NoColors: true, Format: "pretty",
		DefaultContext: context.Background(),
	}
	if feature.text != "" {
		options.FS = cutFS{options.FS, path, feature.text}
	}
	return options
}

// where is "features/chat.feature:23" for a node, or for a row of its table.
func (s *Suite) where(nodes []string, row ...int) string {
	if len(nodes) == 0 {
		return s.file
	}
	line, ok := s.locations[nodes[0]]
	if rows := s.rows[nodes[0]]; len(row) > 0 && row[0] < len(rows) {
		line = rows[row[0]]
	}
	if !ok {
		return s.file
	}
	return fmt.Sprintf("%s:%d", s.file, line)
}

func (s *Suite) fromRoot(path string) string {
	if rel, err := filepath.Rel(s.env.Root, path); err == nil && !strings.HasPrefix(rel, "..") {
		return filepath.ToSlash(rel)
	}
	return path
}

// live reports whether scenarios that do not ask for a simulated server run in
// real time.
func (s *Suite) live() bool { return s.env.URLs != nil || s.env.Launch != nil || s.env.RealTime }

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
