package vllmspec

import (
	"flag"
	"regexp"
	"strings"
	"unicode"
)

// scenariosOfFlags is which scenarios -run and -skip want of the features that go test runs, where
// their patterns go on after the feature: -run 'TestSLO/slo/chat.feature/One'. go test itself sees
// to the features; scenarios are no tests of its own, since those of one file run in one bubble.
func scenariosOfFlags(test string) func(feature, scenario string) bool {
	value := func(name string) string {
		if f := flag.Lookup("test." + name); f != nil {
			return f.Value.String()
		}
		return ""
	}
	return scenarios(test, value("run"), value("skip"))
}

func scenarios(test, run, skip string) func(feature, scenario string) bool {
	above := strings.Split(test, "/")
	return func(feature, scenario string) bool {
		upper := append(above[:len(above):len(above)], strings.Split(asTest(feature), "/")...)
		names := append(upper[:len(upper):len(upper)], strings.Split(asTest(scenario), "/")...)
		some, wanted := false, false
		for _, elements := range alternatives(run) {
			if matches(elements, upper) {
				some, wanted = true, wanted || matches(elements, names)
			}
		}
		for _, elements := range alternatives(skip) {
			if len(elements) > len(upper) && len(elements) <= len(names) && matches(elements, names) {
				return false
			}
		}
		return wanted || !some // of a feature that is not run nothing is asked
	}
}

// matches reports whether names match a pattern as far as both go.
func matches(elements, names []string) bool {
	for i, element := range elements[:min(len(elements), len(names))] {
		if found, err := regexp.MatchString(element, names[i]); err != nil || !found {
			return false
		}
	}
	return true
}

// alternatives splits a pattern as go test does: at |, and each at /, but not within brackets.
func alternatives(pattern string) (all [][]string) {
	if pattern == "" {
		return nil
	}
	var elements []string
	from, square, round := 0, 0, 0
	cut := func(to int) { elements, from = append(elements, pattern[from:to]), to+1 }
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case c == '[':
			square++
		case c == ']':
			square = max(0, square-1)
		case c == '(' && square == 0:
			round++
		case c == ')' && square == 0:
			round--
		case c == '/' && square == 0 && round == 0:
			cut(i)
		case c == '|' && square == 0 && round == 0:
			cut(i)
			all, elements = append(all, elements), nil
		}
	}
	cut(len(pattern))
	return append(all, elements)
}

// asTest is a name as tests have it: without spaces.
func asTest(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return '_'
		}
		return r
	}, name)
}
