package steps

import (
	"regexp"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
	"github.com/vllmspec/vllmspec/steps/internal/target"
)

// What sentences are made of, about a world.
type (
	entry      = sentence.Entry[*world]
	said       = sentence.Said[*world]
	vocabulary = sentence.Vocabulary[*world]
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
	for _, c := range concepts(grammar{}) {
		of := Concept{Name: c.name}
		for _, s := range sentence.Compile(c.entries) {
			of.Sentences = append(of.Sentences, Sentence{s.Matcher(), s.Shape(), s.Does()})
		}
		all = append(all, of)
	}
	return all
}

// A concept is a heading of the vocabulary, with what stands below it.
type concept struct {
	name    string
	entries []entry
}

// concepts are all sentences there are.
func concepts(rows grammar) []concept {
	return []concept{
		{"Which server", target.Sentences[*world]()},
		{"How often requests arrive", arrivalsSentences()},
		{"How many ask at once, and who gives up", loadSentences()},
		{"How long an answer may take", patienceSentences()},
		{"What is asked", workloadSentences()},
		{"What answers have to be", answersSentences()},
		{"What is asked of models that generate nothing", textsSentences()},
		{"What is asked beside text", clipsSentences()},
		{"What is asked of several kinds at once", mixSentences()},
		{"What the prefix cache holds", cacheSentences()},
		{"How it is measured", measurementSentences(rows)},
		{"How often it is repeated", repeatsSentences()},
		{"For how long the load runs", runSentences()},
		{"At several rates", sweepSentences(rows)},
		{"The highest rate", searchSentences(rows)},
		{"Settings of each run of several", settingsSentences()},
		{"What must hold", objectivesSentences(rows)},
		{"Compared with earlier runs", comparisonSentences(rows)},
		{"Compared with another server", armsSentences(rows)},
		{"Client and server agree", agreementSentences()},
		{"What goes wrong in the simulated server", append(target.Faults[*world](), heldUpSentences()...)},
	}
}

// A grammar reads rows, also about metrics that a user adds to the catalogue.
type grammar struct{ slo.Grammar }

func (g grammar) compare(subject, expectation string) (harness.Objective, error) {
	return compare.ParseWith(g.Grammar, subject, expectation)
}

func newVocabulary(own metric.Own) vocabulary {
	var all []entry
	for _, c := range concepts(grammar{slo.Grammar{Own: own}}) {
		all = slices.Concat(all, c.entries)
	}
	return sentence.Compile(all)
}
