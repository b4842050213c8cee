package exchange

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/internal/importing"
	"github.com/vllmspec/vllmspec/steps"
)

// ofFeature reads what a scenario has steps.Judged: the only one of a feature file that has objectives, or the one on a line, as
// in chat.feature:12.
func ofFeature(path string) (importing.Asked, error) {
	file, line := path, int64(0)
	if before, after, has := strings.Cut(path, ".feature:"); has {
		n, err := strconv.ParseInt(after, 10, 64)
		if err != nil || n < 1 {
			return importing.Asked{}, fmt.Errorf("%s: %q is no line of a file", path, after)
		}
		file, line = before+".feature", n
	}
	all, err := steps.NewReader(steps.Own{}).JudgedIn(file)
	if err != nil {
		return importing.Asked{}, err
	}
	return choose(file, line, all)
}

// choose is the scenario on a line, or the only one.
func choose(file string, line int64, all []steps.Judged) (importing.Asked, error) {
	of := slices.DeleteFunc(slices.Clone(all), func(s steps.Judged) bool { return len(s.Objectives) == 0 && s.Wrong == nil })
	if line > 0 {
		of = nil
		for _, s := range all {
			if s.Line <= line && (len(of) == 0 || s.Line > of[0].Line) {
				of = []steps.Judged{s}
			}
		}
	}
	switch {
	case len(of) > 1:
		var names []string
		for _, s := range of {
			names = append(names, fmt.Sprintf("%s (%s)", s.Where, s.Name))
		}
		return importing.Asked{}, fmt.Errorf("%s has several scenarios with objectives; name one: %s", file, strings.Join(names, ", "))
	case len(of) == 1 && of[0].Wrong != nil:
		return importing.Asked{}, of[0].Wrong
	case len(of) == 1 && len(of[0].Objectives) > 0:
		return importing.Asked{Name: of[0].Name, Where: of[0].Where, Good: of[0].Good, Objectives: of[0].Objectives}, nil
	}
	return importing.Asked{}, fmt.Errorf("%s: no scenario there has a table below \"these objectives are met:\"", file)
}
