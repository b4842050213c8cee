package importing

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// Rows reads objectives that are written in one line each.
func Rows(written []string) (all []harness.Objective, err error) {
	for _, one := range written {
		subject, expectation, wrong := slo.SplitLine(one)
		if wrong != nil {
			err = errors.Join(err, wrong)
			continue
		}
		o, _ := slo.Parse(subject, expectation) // as SplitLine did
		all = append(all, o)
	}
	return all, err
}

// The sentences whose tables are read of a feature.
const (
	objectivesMet = "these objectives are met:"
	goodWhen      = "a request is good when:"
)

// A scenario is one of a feature, as far as it is judged.
type scenario struct {
	name string
	line int
	Asked
}

// OfFeature reads the objectives of a scenario: of the only one in a feature file that has any, or of the one on
// a line, as in chat.feature:12.
func OfFeature(path string) (Asked, error) {
	file, line := path, 0
	if before, after, has := strings.Cut(path, ".feature:"); has {
		n, err := strconv.Atoi(after)
		if err != nil || n < 1 {
			return Asked{}, fmt.Errorf("%s: %q is no line of a file", path, after)
		}
		file, line = before+".feature", n
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return Asked{}, err
	}
	all, err := scenarios(file, string(raw))
	if err != nil {
		return Asked{}, err
	}
	return choose(file, line, all)
}

// choose is the scenario on a line, or the only one.
func choose(file string, line int, all []scenario) (Asked, error) {
	var of []scenario
	for _, s := range all {
		if len(s.Objectives) > 0 {
			of = append(of, s)
		}
	}
	if line > 0 {
		for i := len(all) - 1; i >= 0; i-- {
			if all[i].line <= line {
				of = all[i : i+1]
				break
			}
		}
	}
	switch {
	case len(of) == 1 && len(of[0].Objectives) > 0:
		return of[0].Asked, nil
	case len(of) > 1:
		var names []string
		for _, s := range of {
			names = append(names, fmt.Sprintf("%s:%d (%s)", file, s.line, s.name))
		}
		return Asked{}, fmt.Errorf("%s has several scenarios with objectives; name one: %s", file, strings.Join(names, ", "))
	}
	return Asked{}, fmt.Errorf("%s: no scenario there has a table below %q", file, objectivesMet)
}

// scenarios reads the tables of a feature that say what is judged.
func scenarios(file, text string) (all []scenario, err error) {
	table := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		where := fmt.Sprintf("%s:%d", file, i+1)
		if name, is := titleOf(line); is {
			all, table = append(all, scenario{name: name, line: i + 1, Asked: Asked{Name: name, Where: where}}), ""
			continue
		}
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "|"):
			if table != "" && len(all) > 0 {
				err = errors.Join(err, all[len(all)-1].row(table, where, line))
			}
		default:
			table = sentenceOf(line)
		}
	}
	return all, err
}

// titleOf is the name of the scenario that begins on a line.
func titleOf(line string) (string, bool) {
	for _, begins := range []string{"Scenario:", "Example:", "Scenario Outline:", "Scenario Template:"} {
		if name, is := strings.CutPrefix(line, begins); is {
			return strings.TrimSpace(name), true
		}
	}
	return "", false
}

// sentenceOf is which of the tables follows a line; "" for none.
func sentenceOf(line string) string {
	for _, sentence := range []string{objectivesMet, goodWhen} {
		if strings.HasSuffix(line, " "+sentence) {
			return sentence
		}
	}
	return ""
}

// row reads a row of a table.
func (s *scenario) row(table, where, line string) error {
	cells := strings.Split(strings.Trim(line, "|"), "|")
	if len(cells) != 2 {
		return fmt.Errorf("%s: a row has two cells, | p99 TTFT | at most 500 ms |, this one has %d", where, len(cells))
	}
	parse, to := slo.Parse, &s.Objectives
	if table == goodWhen {
		parse, to = slo.ParseGood, &s.Good
	}
	o, err := parse(strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1]))
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	o.Where = where
	*to = append(*to, o)
	return nil
}
