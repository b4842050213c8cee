package steps

import (
	"fmt"
	"regexp"
	"strings"

	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/internal/spelling"
)

// A Concept is a part of the vocabulary: what is said of one thing, of the load say.
type Concept struct {
	Name      string
	Sentences []Sentence
}

// A Sentence is one that scenarios are made of.
type Sentence struct {
	Pattern *regexp.Regexp // what it reads
	Shape   string         // as a person would write it down, with … for what varies
	Does    string         // what it does
}

// Vocabulary is all sentences, in the order in which scenarios have them.
func Vocabulary() (all []Concept) {
	for _, c := range concepts() {
		of := Concept{Name: c.name}
		for _, s := range compiled(c.sentences) {
			of.Sentences = append(of.Sentences, Sentence{s.matches, shapeOf(s.matches), strings.Join(strings.Fields(s.doc), " ")})
		}
		all = append(all, of)
	}
	return all
}

// A concept is a heading of the vocabulary, with what stands below it.
type concept struct {
	name      string
	sentences []sentence
}

// concepts are all sentences there are.
func concepts() []concept {
	return []concept{
		{"Target", targetSentences()},
		{"Faults", faultsSentences()},
		{"Workload", workloadSentences()},
		{"Cache", cacheSentences()},
		{"Mix", mixSentences()},
		{"Arrivals", arrivalsSentences()},
		{"Load", loadSentences()},
		{"Patience", patienceSentences()},
		{"Measurement", measurementSentences()},
		{"Repeats", repeatsSentences()},
		{"Settings", settingsSentences()},
		{"Sweep", sweepSentences()},
		{"Search", searchSentences()},
		{"Run", runSentences()},
		{"Objectives", objectivesSentences()},
		{"Agreement", agreementSentences()},
		{"Comparison", comparisonSentences()},
		{"A/B", armsSentences()},
	}
}

// A vocabulary is sentences, to find the one that reads a step.
type vocabulary []sentence

func newVocabulary() (all vocabulary) {
	for _, c := range concepts() {
		all = append(all, compiled(c.sentences)...)
	}
	return all
}

// compiled are sentences that can be matched.
func compiled(all []sentence) vocabulary {
	for i := range all {
		all[i].matches = regexp.MustCompile(all[i].pattern)
	}
	return all
}

// reading is the sentence that reads a text; nil for none.
func (v vocabulary) reading(text string) *sentence {
	for i := range v {
		if v[i].matches.MatchString(text) {
			return &v[i]
		}
	}
	return nil
}

// read finds the sentence that reads a step; ok is false where there is none.
func (v vocabulary) read(step *messages.PickleStep, where Where) (of said, ok bool) {
	if by := v.reading(step.Text); by != nil {
		return newSaid(by, step, where), true
	}
	return said{}, false
}

// published is the page of the vocabulary: a module that imports this one has no file of it.
const published = "https://github.com/vllmspec/vllmspec/blob/main/steps/vocabulary.md"

// check finds a sentence that is not known before anything runs: godog
// would come to it only after the load.
func (v vocabulary) check(text string) error {
	matches := 0
	for _, s := range v {
		if s.matches.MatchString(text) {
			matches++
		}
	}
	switch {
	case matches == 1:
		return nil
	case matches > 1:
		return fmt.Errorf("%q can be read in %d ways", text, matches)
	}
	if nearest := spelling.NearestSentence(text, v.shapes()); nearest != "" {
		return fmt.Errorf("no sentence reads %q; did you mean %q? All of them are in "+published, text, nearest)
	}
	return fmt.Errorf("no sentence reads %q; all of them are in "+published, text)
}

// shapes are the sentences as a person would write them down.
func (v vocabulary) shapes() (all []string) {
	for _, s := range v {
		all = append(all, shapeOf(s.matches))
	}
	return all
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
