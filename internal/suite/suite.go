package suite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/origin"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/plain"
	"github.com/vllmspec/vllmspec/internal/redact"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/ci"
	"github.com/vllmspec/vllmspec/reports/live"
	"github.com/vllmspec/vllmspec/steps"
)

// A Suite runs feature files, one after the other.
type Suite struct {
	env       *environment.Environment
	interrupt *Interrupt
	secrets   *redact.Secrets // that no output shows
	clock     *wallClock
	onStage   func(Stage) // see [Suite.OnStage]
	reader    *steps.Reader
	finder    *finder
	files     *origin.Origins // that scenarios name
	own       extensions

	output   *console
	display  *live.Display
	exporter *exporter
	access   *access
	session  *experiment.Session
	uploads  *uploader
	past     *historian
	results  *results

	found   []Feature // that are to be run
	ran     int       // of them
	begun   int       // scenarios
	running Feature
	file    *parsed // of the feature that is running
}

// New returns a suite that runs until the deadline. The interrupt, once it is set, ends the run
// that is on. The results that an earlier one left for CI systems are removed: a test that
// is killed must not leave the verdict of the one before.
func New(env environment.Environment, deadline time.Time, interrupt *Interrupt, output io.Writer, extend ...Extension) *Suite {
	var own extensions
	for _, of := range extend {
		of(&own)
	}
	neverCached(env.Root)
	began := time.Now() // before any run can have begun
	s := &Suite{env: &env, interrupt: interrupt, secrets: env.Secrets(), clock: newWallClock(), onStage: func(Stage) {}, reader: steps.NewReader(own.steps), own: own}
	named := newPaths(s.env)
	s.results = beginResults(s.env, s.secrets, named)
	s.output = &console{out: output, clean: s.clean}
	s.display = &live.Display{Output: s.output, Progress: s.output, Address: env.Dashboard, AnyPort: env.AnyPort}
	s.exporter = &exporter{env: s.env, redact: s.secrets.Text, say: func(line string) { s.display.Note(line) }}
	s.access = &access{env: s.env, secrets: s.secrets}
	s.uploads = &uploader{env: s.env, interrupt: interrupt, began: began, deadline: deadline, say: func(line string) { s.display.NoteAll(s.clean(line)) }}
	s.files = s.origins(func(line string) { fmt.Fprintln(s.output, s.clean(line)) })
	s.past = newHistorian(s.env.History, s.env.Out)
	s.session = s.newSession(deadline)
	s.finder = &finder{setting: s.setting, env: s.env, source: source{env.Root, env.Tags}, reader: s.reader, paths: named, numbers: map[string]numbering{},
		noGPU: sync.OnceValue(func() string { return s.session.WhyNoGPU(context.Background()) })}
	return s
}

// origins find what scenarios name. say is called before a download; it may be nil.
func (s *Suite) origins(say func(line string)) *origin.Origins {
	return &origin.Origins{Local: s.env, Database: s.env.PromptsDB, Hub: origin.Hub{Endpoint: s.env.HubEndpoint, Token: s.env.HubToken}, Disk: s.env.Disk, Hide: s.secrets,
		Interrupted: s.interrupt.isSet, Say: say}
}

// Refuse keeps an error for which nothing is run, one of the environment say, so that
// junit.xml and the others say it too, and returns it.
func (s *Suite) Refuse(err error) error {
	err = s.shown(err)
	s.results.refuse(err)
	return err
}

// ShowProgress says where a person can see how the start of a server gets on.
func (s *Suite) ShowProgress(w io.Writer) { s.display.Progress = &console{out: w, clean: s.clean} }

// Select has only those scenarios run that are wanted, by the path of their feature and their
// name. It is called before Features.
func (s *Suite) Select(wanted func(feature, scenario string) bool) { s.finder.wanted = wanted }

// Features finds the feature files, checks that each can be read and that the
// tags select something, and says which server is measured.
func (s *Suite) Features() ([]Feature, error) {
	if s.Refuse(s.own.check()) != nil {
		return nil, s.results.refused
	}
	features, err := s.finder.features()
	s.Refuse(errors.Join(err, s.finder.mistakes(features), s.uploads.begin()))
	if s.results.refused != nil {
		return nil, s.results.refused
	}
	s.found = features
	s.announce(s.output)
	return features, nil
}

// Run runs one feature and reports whether it passed. A virtual feature is to
// be run inside a testing/synctest bubble.
func (s *Suite) Run(feature Feature) (_ bool, err error) {
	s.running = feature
	if s.ran++; s.ran == 1 && s.display.Progress != s.display.Output {
		s.announce(s.display.Progress)
	}
	if s.file, err = s.finder.source.parse(feature); err != nil {
		return false, err
	}
	file, err := ci.NewCucumberFile(s.env.Out)
	if err != nil {
		return false, err
	}
	shown := &shortened{to: s.output, virtual: feature.Virtual, place: s.place}
	options := s.finder.source.options(feature, shown)
	options.Format = file.Formats()
	defer file.Close()
	status := godog.TestSuite{Name: feature.Path, ScenarioInitializer: s.register, Options: options}.Run()
	_ = shown.Close()
	s.output.flush()
	s.noteEmpty()
	ran, err := file.Read(s.secrets.OwnFile)
	s.results.cucumber = append(s.results.cucumber, ran...)
	return status == 0, s.shown(err)
}

// register has godog carry out each scenario, and notes what became of it.
func (s *Suite) register(sc *godog.ScenarioContext) {
	var began time.Time
	sc.Before(func(ctx context.Context, scenario *godog.Scenario) (context.Context, error) {
		began = s.clock.now()
		s.begun++
		s.display.Begin(s.begun, s.scenarios(), scenario.Name)
		return ctx, nil
	})
	in := s.setting(s.running, s.file)
	in.Ended = func(r steps.Result) { s.noteResult(began, r) }
	s.reader.Bind(sc, in)
}

// setting is where the scenarios of a feature are run.
func (s *Suite) setting(of Feature, file *parsed) steps.Setting {
	return steps.Setting{Session: s.session, Files: s.files, Feature: of.Path, Title: file.title(), Folder: filepath.Dir(s.env.FromRoot(filepath.FromSlash(of.Path))),
		Virtual: of.Virtual, Live: s.env.Live(), Lenient: s.env.Lenient, Where: file.places.Where, Sentences: sentencesOf}
}

// noteResult shows what became of a scenario that began at this time, and keeps what CI systems are shown of
// it: also of one that failed before there was anything to judge.
func (s *Suite) noteResult(began time.Time, r steps.Result) {
	of := ci.ScenarioResult{Scenario: r.Scenario.Name, Where: r.Where, Outcome: ci.Failed, Target: s.measured(r), Commit: s.session.Commit, Passed: r.Err == nil, Began: began}
	switch summary := r.Summary; {
	case summary != nil:
		s.show(summary, r)
		of.Outcome, of.Headline, of.Objectives, of.Report = summary.Outcome, summary.Headline, summary.Objectives, summary.Report
		of.LetPass = reports.LetPass(r.Experiment.Warnings())
	case r.Err != nil:
		of.Headline = reports.NotJudged(of.Target, r.Err)
	}
	if r.Err != nil {
		of.Failure, of.Step = r.Err.Error(), r.LastStep
	}
	of.Took = s.clock.now().Sub(began)
	s.addResult(of, r.Scenario)
}

// show shows what became of a scenario. Where rows are not met, the failure of their sentence says why, and is shown below.
func (s *Suite) show(summary *experiment.Summary, r steps.Result) {
	ended := live.Ended{Scenario: r.Scenario.Name, Outcome: summary.Outcome, Headline: summary.Headline, Objectives: summary.Objectives, Figures: summary.Figures, Group: summary.Group}
	if _, explained := errors.AsType[*experiment.UnmetError](r.Err); explained {
		ended.Counted = counted(summary, s.measured(r))
	}
	if summary.Report != "" {
		ended.Report = filepath.Join(s.env.Out, filepath.FromSlash(summary.Report))
		s.results.point(s.env, summary.Report)
	}
	s.display.Table(ended)
}

// measured is the server that a scenario measured, or was to measure.
func (s *Suite) measured(of steps.Result) reports.Target {
	if of.Experiment != nil {
		return of.Experiment.Measured()
	}
	return s.session.Intends(of.Target, s.running.Virtual)
}

// noteEmpty notes scenarios without a sentence: godog fails them without a word to us.
func (s *Suite) noteEmpty() {
	for _, scenario := range s.file.scenarios {
		if len(scenario.Steps) == 0 {
			const why = "The scenario has no sentences, and so shows nothing."
			s.addResult(ci.ScenarioResult{Scenario: scenario.Name, Where: s.file.places.Where(scenario.AstNodeIds), Outcome: ci.Failed, Headline: why, Failure: why, Began: s.clock.now()}, scenario)
		}
	}
}

// addResult adds what became of a scenario of the feature that is running.
func (s *Suite) addResult(of ci.ScenarioResult, scenario *godog.Scenario) {
	line := s.file.places.Line(scenario)
	s.results.add(of, s.file, line, s.finder.numbers[s.file.path][line])
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
	s.display.Close()
	var unrun error
	before := s.refuseInterrupted()
	if before == nil && len(s.found) > 0 && s.ran == 0 && s.results.refused == nil {
		unrun = s.Refuse(noneRan(s.found, cmp.Or(s.env.Test, "TestFeatures")))
	}
	err := errors.Join(before, unrun, s.writeResults())
	s.uploads.send()
	s.conclude()
	if before == nil {
		if late := s.refuseInterrupted(); late != nil {
			err = errors.Join(err, late, s.results.folder.End(ci.Results{Refused: s.results.refusals(true)}, nil))
		}
	}
	return s.shown(err)
}

// leave stops what was started for all scenarios.
func (s *Suite) leave() {
	s.session.Close()
	s.past.stop()
	s.exporter.close()
	s.access.close()
	_ = s.files.Close() // what was unpacked lies in the system's folder for what is temporary
}

// refuseInterrupted keeps, as the reason why not everything was run, that the tests were
// interrupted; nil where they were not, or a scenario that failed has said so.
func (s *Suite) refuseInterrupted() error {
	by, interrupted := s.interrupt.By()
	if !interrupted || s.results.someFailed() {
		return nil
	}
	return s.Refuse(interruptedBy(by))
}

func interruptedBy(by harness.Interruption) error { return fmt.Errorf("the tests were %w", by) }

func (s *Suite) writeResults() error {
	defer s.clock.stop()
	s.onStage(Publishing)
	until, stop := s.uploads.untilDeadline()
	defer stop()
	return s.results.write(until, s.finder.left, s.interrupt.isSet(), s.env, s.secrets, s.output)
}

// shown is an error for who runs the tests: without secrets, and in lines that do
// nothing but say what they say.
func (s *Suite) shown(err error) error {
	if err == nil {
		return nil
	}
	if text := s.clean(err.Error()); text != err.Error() {
		return &redact.Error{Text: text, Err: err}
	}
	return err
}

// clean is a text for the output.
func (s *Suite) clean(text string) string {
	return s.secrets.Own(plain.Lines(s.secrets.Own(text)))
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
