package steps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"

	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/export"
	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/live"
)

// A Suite runs feature files. Everything in it that belongs to one `go test`
// is set before the first feature; the rest belongs to the feature being run.
type Suite struct {
	env       Environment
	began     time.Time // on the wall clock, read outside any bubble
	limit     time.Time // when go test kills us; zero: never
	stopped   *atomic.Bool
	output    io.Writer
	results   results
	told      []reports.Told   // of the scenarios that ran, for CI systems
	locations map[string]int64 // AST node id → line, of the feature being run
	rows      map[string][]int64
	file      string
	named     map[string]int // scenarios of the feature being run that have begun, by their names
	inBubble  bool
	progress  io.Writer          // for a person who waits
	terminal  *live.Terminal     // …and what is written there; nil until a live run
	dashboard *live.Server       // of all live runs; nil until one needs it
	undone    error              // why there is no dashboard
	server    *server.Server     // that was started for all scenarios; nil until one needs it
	failed    error              // why it could not be
	logged    int64              // how much of its log is kept with a run
	left      []error            // features that are left out, and why
	token     *credentials.Token // once one was needed
	commit    string             // of the features, in git
	page      *export.Page       // for Prometheus; nil: nobody asked, or no run needed it yet
	pageless  bool               // it could not be served
}

// A Feature is one feature file with at least one selected scenario.
type Feature struct {
	Path    string // from the module's root, with slashes
	Virtual bool   // runs on a virtual clock, in a bubble
}

// NewSuite checks the environment's variables and returns a suite that runs
// until the deadline. A true in stopped ends the run that is on.
func NewSuite(env Environment, deadline time.Time, stopped *atomic.Bool, output io.Writer) *Suite {
	return &Suite{env: env, began: time.Now(), limit: deadline, stopped: stopped, output: output, progress: output, commit: commitOf(env.Root)}
}

// ShowProgress says where a person can see how the start of a server gets on.
func (s *Suite) ShowProgress(w io.Writer) { s.progress = w }

// Features finds the feature files, checks that each can be read and that the
// tags select something.
func (s *Suite) Features() ([]Feature, error) {
	if err := checkTags(s.env.Tags); err != nil {
		return nil, err
	}
	var features []Feature
	var broken []error // all of them, or each would cost a try
	for _, path := range s.env.Features {
		err := filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".feature" {
				return err
			}
			feature, selected, err := s.inspect(path)
			if selected {
				features = append(features, feature)
			}
			broken = append(broken, err)
			return nil
		})
		broken = append(broken, err)
	}
	if err := errors.Join(broken...); err != nil {
		return nil, err
	}
	if len(features) == 0 && s.left != nil {
		return nil, errors.Join(s.left...)
	}
	for _, why := range s.left {
		fmt.Fprintln(s.output, why)
	}
	if len(features) == 0 && s.env.Tags != "" {
		return nil, fmt.Errorf("the tags %q select no scenario", s.env.Tags)
	}
	if len(features) == 0 {
		return nil, fmt.Errorf("there is no .feature file in %s", strings.Join(s.env.Features, ", "))
	}
	slices.SortFunc(features, func(a, b Feature) int { return strings.Compare(a.Path, b.Path) })
	return slices.Compact(features), nil
}

// inspect reads one feature file and reports whether any of its scenarios is selected.
func (s *Suite) inspect(path string) (Feature, bool, error) {
	feature := Feature{Path: s.fromRoot(path), Virtual: !s.live()}
	parsed, err := godog.TestSuite{Options: s.options(feature, io.Discard)}.RetrieveFeatures()
	if err != nil {
		return feature, false, fmt.Errorf("%s: %w", feature.Path, err)
	}
	if len(parsed) == 0 && s.env.Tags == "" {
		return feature, false, fmt.Errorf("%s: the file is empty; a feature begins with the word Feature", feature.Path)
	}
	for _, f := range parsed {
		if f.Feature == nil || len(f.Feature.Children) == 0 {
			return feature, false, fmt.Errorf("%s: the file holds no scenario", feature.Path)
		}
		for _, tag := range f.Feature.Tags {
			feature.Virtual = feature.Virtual || tag.Name == "@simulated"
		}
		if err := s.checkSentences(feature, f.Pickles); err != nil {
			return feature, false, err
		}
		if why := s.leftOut(context.Background(), f.Feature.Tags); why != "" && len(f.Pickles) > 0 {
			s.left = append(s.left, fmt.Errorf("%s is left out: %s", feature.Path, why))
			return feature, false, nil
		}
		if len(f.Pickles) > 0 {
			return feature, true, nil
		}
	}
	return feature, false, nil
}

// checkSentences reports every sentence that nobody understands, and every row of
// expectations that cannot be read, with its line.
func (s *Suite) checkSentences(feature Feature, pickles []*godog.Scenario) error {
	s.file = feature.Path
	if err := s.locate(feature); err != nil {
		return err
	}
	vocabulary, seen := newVocabulary(), map[string]bool{}
	var errs []error
	for _, pickle := range pickles {
		for _, step := range pickle.Steps {
			where := s.where(step.AstNodeIds)
			if err := vocabulary.check(step.Text); err != nil && !seen[where] {
				seen[where] = true // a background's steps stand in every scenario
				errs = append(errs, fmt.Errorf("%s: %w", where, err))
			} else if !seen[where] {
				seen[where] = true
				errs = append(errs, s.checkRows(step)...)
			}
		}
	}
	return errors.Join(errs...)
}

// checkRows reads the rows of a table of expectations: a typo in the last scenario
// must not cost the hour that those before it take.
func (s *Suite) checkRows(step *messages.PickleStep) (errs []error) {
	parse := map[string]func(subject, expectation string) (harness.Objective, error){
		"these objectives are met:": slo.Parse, "the run is abandoned unless:": slo.Parse, "a request is good when:": slo.ParseGood,
		agreementSentence: slo.ParseAgreement,
	}[step.Text]
	if comparing.MatchString(step.Text) {
		parse = slo.ParseComparison
	}
	if metAtSentence.MatchString(step.Text) || strings.HasSuffix(step.Text, " is sought that meets:") {
		parse = slo.Parse
	}
	if parse == nil || step.Argument == nil || step.Argument.DataTable == nil {
		return nil
	}
	for i, row := range step.Argument.DataTable.Rows {
		if len(row.Cells) != 2 {
			continue // said when its scenario comes
		}
		if _, err := parse(row.Cells[0].Value, row.Cells[1].Value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.where(step.AstNodeIds, i), err))
		}
	}
	return errs
}

// Run runs one feature and reports whether it passed. A virtual feature is to
// be run inside a testing/synctest bubble.
func (s *Suite) Run(feature Feature) (bool, error) {
	s.inBubble, s.file = feature.Virtual, feature.Path
	if err := s.locate(feature); err != nil {
		return false, err
	}
	files, err := newResultFiles()
	if err != nil {
		return false, err
	}
	options := s.options(feature, s.output)
	options.Format = files.formats()
	before := len(s.told)
	s.named = map[string]int{}
	status := godog.TestSuite{Name: feature.Path, ScenarioInitializer: s.register, Options: options}.Run()
	return status == 0, s.results.add(files, s.told[before:])
}

// Close stops what was started for all features, and writes junit.xml and
// cucumber.json of those that ran, and the list of all runs.
func (s *Suite) Close() error {
	s.leave()
	s.closeDashboard()
	return errors.Join(s.results.write(s.env.Out), writeIndex(s.env.Out), s.writeFaces())
}

func (s *Suite) options(feature Feature, output io.Writer) *godog.Options {
	root, path := s.env.Root, feature.Path
	if filepath.IsAbs(path) {
		root, path = "/", strings.TrimPrefix(path, "/")
	}
	return &godog.Options{
		FS: os.DirFS(root), Paths: []string{path}, Tags: s.env.Tags, Output: output,
		// Without Strict an unknown sentence passes, and of two that match the first wins.
		Strict: true, Concurrency: 1, NoColors: true, Format: "pretty",
		DefaultContext: context.Background(),
	}
}

// locate remembers where each step and each row of a table stands.
func (s *Suite) locate(feature Feature) error {
	parsed, err := godog.TestSuite{Options: s.options(feature, io.Discard)}.RetrieveFeatures()
	if err != nil {
		return err
	}
	s.locations, s.rows = map[string]int64{}, map[string][]int64{}
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
		}
	}
	for _, f := range parsed {
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

func (s *Suite) deadline() (time.Time, bool) { return s.limit, !s.limit.IsZero() }

func (s *Suite) elapsed() time.Duration { return time.Since(s.began) }

// runStart names a run by the wall clock; inside a bubble the clock is not one,
// and the whole `go test` has one start.
func (s *Suite) runStart() time.Time {
	if s.inBubble {
		return s.began
	}
	return time.Now()
}

// interruptible is a context that ends when the suite is stopped. It looks at a
// flag from time to time: a context made outside a bubble would keep the
// bubble's clock from moving while anything inside waits for it.
func (s *Suite) interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if s.stopped.Load() {
					cancel()
					return
				}
			}
		}
	}()
	return ctx, cancel
}

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
