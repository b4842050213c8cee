package steps

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// sentences takes what the files of this package register: godog, to run them,
// and a [vocabulary], to know them beforehand.
type sentences interface {
	Step(expr, stepFunc any)
}

// bind registers every sentence. Each file registers its own.
func (w *world) bind(sc sentences) {
	w.registerTarget(sc)
	w.registerFaults(sc)
	w.registerWorkload(sc)
	w.registerCache(sc)
	w.registerMix(sc)
	w.registerArrivals(sc)
	w.registerLoad(sc)
	w.registerMeasurement(sc)
	w.registerRepeats(sc)
	w.registerSettings(sc)
	w.registerSweep(sc)
	w.registerSearch(sc)
	w.registerRun(sc)
	w.registerObjectives(sc)
	w.registerComparison(sc)
	w.registerSides(sc)
	w.registerAgreement(sc)
}

// A vocabulary is the patterns of all sentences.
type vocabulary []*regexp.Regexp

// Step adds a sentence.
func (v *vocabulary) Step(expr, _ any) { *v = append(*v, regexp.MustCompile(expr.(string))) }

func newVocabulary() vocabulary {
	var v vocabulary
	new(world).bind(&v)
	return v
}

// check finds a sentence that nobody understands before anything runs: godog
// would come to it only after the load.
func (v vocabulary) check(text string) error {
	matches := 0
	for _, pattern := range v {
		if pattern.MatchString(text) {
			matches++
		}
	}
	switch {
	case matches == 1:
		return nil
	case matches > 1:
		return fmt.Errorf("%q can be read in %d ways", text, matches)
	case v.nearest(text) != "":
		return fmt.Errorf("no sentence reads %q; did you mean %q? All of them are in steps/vocabulary.md", text, v.nearest(text))
	}
	return errors.New("no sentence reads " + fmt.Sprintf("%q", text) + "; all of them are in steps/vocabulary.md")
}

// nearest is the sentence that shares the most words with the text, if that is
// at least half of them.
func (v vocabulary) nearest(text string) string {
	best, most := "", 0.5
	words := strings.Fields(text)
	for _, pattern := range v {
		shape := shapeOf(pattern)
		shared := 0
		for _, word := range strings.Fields(shape) {
			if slices.Contains(words, word) {
				shared++
			}
		}
		if share := 2 * float64(shared) / float64(len(words)+len(strings.Fields(shape))); share >= most {
			best, most = shape, share
		}
	}
	return best
}

// shapeOf is a pattern as a person would write it down, with … for what varies.
func shapeOf(pattern *regexp.Regexp) string {
	shape := strings.Trim(pattern.String(), "^$")
	for _, group := range []string{`([^"]*)`, `(\S+)`, `(.+)`, `(\d+)`} {
		shape = strings.ReplaceAll(shape, group, "…")
	}
	shape = strings.ReplaceAll(shape, "(?:is|are)", "are")
	return strings.NewReplacer("(a|an exponential)", "a", "(missed|unknown)", "missed", "(prompts|answers)", "prompts", `(\S+%)`, "5%").Replace(shape)
}
