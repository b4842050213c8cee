package steps

import (
	"regexp"
	"slices"

	"github.com/vllmspec/vllmspec/steps/internal/sentence"
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
	for _, c := range concepts() {
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

func newVocabulary() vocabulary {
	var all []entry
	for _, c := range concepts() {
		all = slices.Concat(all, c.entries)
	}
	return sentence.Compile(all)
}
