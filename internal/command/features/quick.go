package features

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/suite"
)

// A quick scenario is made of objectives and flags, for a first number without a file.
type quick struct {
	objectives                                      []string
	rate, users, think, input, output, extent, keep string
}

// quickFlags are those that belong to it.
var quickFlags = []string{"rate", "users", "think", "input", "output", "for", "keep"}

func newQuick(flags *command.Flags) *quick {
	q := new(quick)
	flags.StringVar(&q.rate, "rate", "4", "without a file: `requests` per second, a Poisson process")
	flags.StringVar(&q.users, "users", "", "without a file, in place of --rate: `users` who ask, read, think and ask again")
	flags.StringVar(&q.think, "think", "0 seconds", "with --users: the `time` that they think")
	flags.StringVar(&q.input, "input", "512", "without a file: `tokens` of a prompt, such as 512 or '512 ± 64'")
	flags.StringVar(&q.output, "output", "128", "without a file: `tokens` of an answer")
	flags.StringVar(&q.extent, "for", "1m", "without a file: how `long`, such as 90s or '200 requests'")
	flags.StringVar(&q.keep, "keep", "", "without a file: the `file` to keep the feature in, such as slo/quick.feature")
	return q
}

// given is the first flag of a quick scenario that was given; "" for none.
func (q *quick) given(flags *command.Flags) (name string) {
	flags.Visit(func(f *flag.Flag) {
		if slices.Contains(quickFlags, f.Name) {
			name = cmp.Or(name, f.Name)
		}
	})
	return name
}

// run writes the feature, shows it, and runs it.
func (q *quick) run(call *command.Call, s *settings) error {
	rows, err := q.rows()
	if err != nil {
		return err
	}
	environ := s.environ(call)
	place := environment.Place{Root: environment.Module(call.Dir), Dir: call.Dir}
	env, mistakes := environment.ReadAt(place, environ)
	if mistakes != nil {
		return &command.Mistake{Err: mistakes}
	}
	if s.wait > 0 { // the server is asked for its model first
		if err := awaitServers(call, env, s.wait, new(suite.Interrupt)); err != nil {
			return err
		}
		s.wait = 0
	}
	model := s.model
	if model == "" {
		if model, err = modelOf(env); err != nil {
			return err
		}
	}
	text, path, kept := q.feature(model, rows), filepath.Join(env.Out, "quick.feature"), call.Path(q.keep)
	if _, err := os.Stat(kept); err == nil {
		return command.Mistakef("--keep: there is a file %s already; name another one", q.keep)
	}
	if err := write(path, text); err != nil {
		return err
	}
	if kept != "" && canRun(place, append(environ, "VLLMSPEC_FEATURES="+path)) {
		path = kept
		if err := write(path, text); err != nil {
			return err
		}
	}
	fmt.Fprint(call.Out, text+"\n")
	if q.keep == "" {
		fmt.Fprint(call.Out, "Keep this feature with --keep slo/quick.feature.\n\n")
	}
	return s.run(call, place, append(environ, "VLLMSPEC_FEATURES="+path))
}

// write writes a feature, and the folder that it is in.
func write(path, text string) error {
	system := new(disk.Disk)
	if err := system.MakeAll(filepath.Dir(path)); err != nil {
		return err
	}
	return system.Replace(path, []byte(text))
}

// canRun reports whether the features of an environment have no mistake that is found before a load.
func canRun(place environment.Place, environ []string) bool {
	env, mistakes := environment.ReadAt(place, environ)
	found := suite.Inspect(env, nil, nil)
	return mistakes == nil && found.Err == nil && !slices.ContainsFunc(found.Planned, func(of suite.Planned) bool { return of.Err != nil })
}

// modelOf is the model to name: the first that the server lists, or the mock's usual one.
func modelOf(env environment.Environment) (string, error) {
	switch {
	case env.Model != "":
		return env.Model, nil
	case env.Launch != nil:
		return "", command.Mistakef("say which model it is that is started: --model NAME")
	case env.URLs == nil:
		return "llama-3.1-8b", nil
	}
	model, _, err := suite.Served(context.Background(), env)
	return model, err
}

// rows are the objectives as rows of a table.
func (q *quick) rows() (rows [][2]string, err error) {
	for _, written := range q.objectives {
		subject, expectation, err := slo.SplitLine(written)
		if err != nil {
			return nil, &command.Mistake{Err: err}
		}
		rows = append(rows, [2]string{subject, expectation})
	}
	return rows, nil
}

// feature is the feature of a model.
func (q *quick) feature(model string, rows [][2]string) string {
	var text strings.Builder
	arrive := fmt.Sprintf("requests arrive as a Poisson process at %s per second", q.rate)
	if q.users != "" {
		arrive = fmt.Sprintf("%s users ask with a think time of %s", q.users, asSentence(q.think))
	}
	fmt.Fprintf(&text, `Feature: A first number
  Scenario: %s
    Given the model "%s" is being served
    And prompts of %s tokens are answered in %s tokens
    And the prefix cache is cold
    And %s
    When the load runs for %s
    Then these objectives are met:
`, strings.Join(rows[0][:], " "), model, q.input, q.output, arrive, asSentence(q.extent))
	var widths [2]int
	for _, row := range rows {
		for i := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range rows {
		fmt.Fprintf(&text, "      | %-*s | %-*s |\n", widths[0], row[0], widths[1], row[1])
	}
	return text.String()
}

// asSentence is "1m30s" as a sentence has it, "90 seconds"; what is no such time stays as it is.
func asSentence(extent string) string {
	d, err := time.ParseDuration(extent)
	switch {
	case err != nil:
		return extent
	case d > 0 && d%time.Minute == 0:
		return quantity.Counted(int(d/time.Minute), "minute")
	case d > 0 && d%time.Second == 0:
		return quantity.Counted(int(d/time.Second), "second")
	}
	return quantity.Counted(int(d/time.Millisecond), "millisecond")
}
