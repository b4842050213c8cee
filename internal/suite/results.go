package suite

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"

	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/redact"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/ci"
)

// results are what CI systems read of this go test: what became of each scenario, and why others were not run.
type results struct {
	folder    *ci.Folder
	paths     paths
	scenarios []ci.ScenarioResult  // that ran
	cucumber  []ci.CucumberFeature // likewise, as godog writes them
	refused   error                // why nothing is run at all; joined, where there are several reasons
	unlinked  error                // why the link to the last run could not be made
}

// latestRun is the link to the last run, in the folder of all runs.
const latestRun = "latest"

// beginResults removes the results that an earlier go test left.
func beginResults(env *environment.Environment, secrets *redact.Secrets, named paths) *results {
	folder, err := ci.Begin(env.Disk, env.Out, ci.CurrentSession())
	folder.Redact = secrets.OwnFile
	return &results{folder: folder, paths: named, refused: err}
}

// refuse keeps an error for which nothing is run.
func (r *results) refuse(err error) { r.refused = errors.Join(r.refused, err) }

// add adds what became of a scenario, which stands in a line of a file.
func (r *results) add(of ci.ScenarioResult, file *parsed, line int64, n numbered) {
	of.Feature, of.Path, of.File = file.title(), file.path, r.paths.inRepository(file.path)
	of.Row, of.Nth, of.Of = int(line), n.nth, n.of
	r.scenarios = append(r.scenarios, of)
}

// point has the link to the last run lead to the one with this page.
func (r *results) point(env *environment.Environment, page string) {
	r.unlinked = errors.Join(r.unlinked, env.Disk.Point(filepath.Join(env.Out, latestRun), path.Dir(page)))
}

// tally says in lines how many scenarios passed, and which did not.
func (r *results) tally() []string {
	if len(r.scenarios) == 0 {
		return nil
	}
	passed, expected := 0, 0
	var failed []string
	for _, of := range r.scenarios {
		switch {
		case !of.Passed:
			failed = append(failed, fmt.Sprintf("failed: %s %s", of.Where, of.Scenario))
			continue
		case of.Outcome != slo.Met && !of.LetPass:
			expected++
		}
		passed++
	}
	line := fmt.Sprintf("%d of %s passed", passed, scenarios(len(r.scenarios)))
	if expected > 0 {
		line += fmt.Sprintf(", %d of them missed or unknown, as expected", expected)
	}
	return append([]string{line}, failed...)
}

// counted is a headline that counts the rows which it is about, for where the reason stands below.
func counted(of *experiment.Summary, target reports.Target) string {
	alike := 0
	for _, o := range of.Objectives {
		if o.Outcome == of.Outcome {
			alike++
		}
	}
	verdict := reports.Simulated(map[slo.Outcome]string{slo.Met: "Met", slo.Missed: "Missed", slo.Unknown: "Unknown"}[of.Outcome], target.AnySimulated())
	if len(of.Objectives) == 1 {
		return verdict + ": the one objective."
	}
	return fmt.Sprintf("%s: %d of %d objectives.", verdict, alike, len(of.Objectives))
}

// scenarios is "1 scenario", "14 scenarios".
func scenarios(n int) string {
	if n == 1 {
		return "1 scenario"
	}
	return fmt.Sprintf("%d scenarios", n)
}

// someFailed reports whether a scenario did not pass.
func (r *results) someFailed() bool {
	return slices.ContainsFunc(r.scenarios, func(of ci.ScenarioResult) bool { return !of.Passed })
}

// refusals are why nothing was run, each broken file by itself. interrupted says that the tests were.
func (r *results) refusals(interrupted bool) (all []ci.Refusal) {
	var rest []error
	for _, err := range separate(r.refused) {
		if broken := (*brokenFeature)(nil); errors.As(err, &broken) {
			all = append(all, ci.Refusal{Path: broken.path, File: r.paths.inRepository(broken.path), Why: broken.Error()})
			continue
		}
		rest = append(rest, err)
	}
	if err := errors.Join(rest...); err != nil {
		all = append(all, ci.Refusal{Why: err.Error(), AfterSome: interrupted && len(r.scenarios) > 0})
	}
	return all
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

// write writes what CI systems read, and the list of all runs.
func (r *results) write(until context.Context, left []ci.LeftOut, interrupted bool, env *environment.Environment, secrets *redact.Secrets, output *console) error {
	ran := ci.Results{Scenarios: r.scenarios, Left: left, Refused: r.refusals(interrupted)}
	warning, unlisted := reports.WriteIndexOn(env.Disk, env.Out)
	err := errors.Join(r.unlinked, r.folder.End(ran, r.cucumber), unlisted)
	enterRuns(until, env, warning, func(line string) { fmt.Fprintln(output, line) })
	if env.Summary != "" {
		err = errors.Join(err, ci.AppendSummary(env.Summary, string(secrets.OwnFile("summary.md", []byte(ci.Summary(ran))))))
	}
	if env.Annotate {
		r.annotate(secrets, interrupted, output)
	}
	return err
}

// annotate has GitHub mark the lines of scenarios that are not met.
func (r *results) annotate(secrets *redact.Secrets, interrupted bool, output *console) {
	if r.refused != nil {
		output.command(ci.RefusedAnnotation(r.refused, interrupted && len(r.scenarios) > 0))
	}
	for _, of := range r.scenarios {
		if line := of.Annotation(); line != "" {
			output.command(secrets.Own(line))
		}
	}
}
