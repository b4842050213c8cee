package sentence

import (
	"regexp"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
)

// An Entry is one sentence of a vocabulary, about a scenario of type W. The page of the vocabulary, the checks
// before anything runs, the look ahead and the judgement all read this entry, and nothing else says which
// sentences there are.
type Entry[W any] struct {
	Pattern string // a regular expression; each group is an argument of Do
	Doc     string // what the sentence does, for the vocabulary; white space counts as one blank

	// Do is called when the scenario comes to the sentence. Its first parameters are what it works on, any of
	// the parts of [Said.Call]; then comes a string for each group; and then, where the sentence has a table, a
	// *godog.Table, or []harness.Objective where Rows reads it. It returns an error or nothing.
	Do any

	// Rows reads a row of a table of objectives, before anything runs and again when Do is called. It is nil for other tables.
	Rows func(subject, expectation string) (harness.Objective, error)

	// Check refuses arguments before anything runs; onMock says that the scenario is measured on the mock. It may be nil.
	Check func(args []string, onMock bool) error

	Judges experiment.QuestionKind // what rows are held against, or what else is expected of a run; "": nothing is judged

	// Ahead reads what will be judged before the load, so that it can be refused, and so that the run has its limits. nil: the rows.
	Ahead func(of W, s Said[W]) (experiment.Question, error)

	Late      bool // its table is judged even where an earlier sentence has failed
	Simulates bool // the scenario brings a simulated server of its own
	Runs      bool // the load is run

	matches, anyCase *regexp.Regexp // the pattern; the second one for what was not written as the vocabulary has it
}

// Where is "features/chat.feature:23" for a node of a feature, the first of these, or for a row of its table.
type Where func(nodes []string, row ...int) string

// A Said sentence is a step of a scenario that an entry reads.
type Said[W any] struct {
	*Entry[W]
	Args  []string
	Table *godog.Table            // nil: none
	At    func(row ...int) string // where the step stands, or a row of its table
}

// AskedAhead is what the sentence will have judged; no rows where it judges nothing.
func (s Said[W]) AskedAhead(of W) (asked experiment.Question, err error) {
	switch {
	case s.Ahead != nil:
		return s.Ahead(of, s)
	case s.Rows == nil || s.Judges == "":
		return asked, nil
	}
	asked.Kind = s.Judges
	asked.Rows, err = s.Objectives()
	return asked, err
}
