package steps

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
)

// A sentence is one entry of the vocabulary. godog, the page of the vocabulary, the checks before
// anything runs, the look ahead and the judgement all read this entry, and nothing else says which
// sentences there are.
type sentence struct {
	pattern string // a regular expression; each group is an argument of do
	doc     string // what the sentence does, for the vocabulary; white space counts as one blank

	// do is called when the scenario comes to the sentence. Its first parameters are what it works on, any of
	// [world.parts]; then comes a string for each group; and then, where the sentence has a table, a *godog.Table, or
	// []harness.Objective where rows reads it. It returns an error or nothing.
	do any

	// rows reads a row of a table of objectives, before anything runs and again when do is called. It is nil for other tables.
	rows func(subject, expectation string) (harness.Objective, error)

	// check refuses arguments before anything runs; onMock says that the scenario is measured on the mock. It may be nil.
	check func(args []string, onMock bool) error

	judges experiment.QuestionKind // what rows are held against, or what else is expected of a run; "": nothing is judged

	// ahead reads what will be judged before the load, so that it can be refused, and so that the run has its limits. nil: the rows.
	ahead func(w *world, s said) (experiment.Question, error)

	late      bool // its table is judged even where an earlier sentence has failed
	simulates bool // the scenario brings a simulated server of its own

	matches *regexp.Regexp // the pattern
}

// A said sentence is a step of a scenario that a sentence reads.
type said struct {
	*sentence
	args  []string
	table *godog.Table            // nil: none
	at    func(row ...int) string // where the step stands, or a row of its table
}

// newSaid is a step that a sentence reads.
func newSaid(by *sentence, step *messages.PickleStep, where Where) said {
	of := said{sentence: by, args: by.matches.FindStringSubmatch(step.Text)[1:],
		at: func(row ...int) string { return where(step.AstNodeIds, row...) }}
	if step.Argument != nil {
		of.table = step.Argument.DataTable
	}
	return of
}

// objectives reads the rows of the table, each with the place where it stands.
func (s said) objectives() (all []harness.Objective, err error) {
	if s.table == nil {
		return nil, fmt.Errorf("%s: the sentence has a table: | p99 TTFT | at most 500 ms |", s.at())
	}
	for i, row := range s.table.Rows {
		where := s.at(i)
		if len(row.Cells) != 2 {
			return nil, fmt.Errorf("%s: a row has two cells, | p99 TTFT | at most 500 ms |, this one has %d", where, len(row.Cells))
		}
		o, err := s.rows(row.Cells[0].Value, row.Cells[1].Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		o.Where = where
		all = append(all, o)
	}
	return all, nil
}

// checkRows returns the errors of all rows. One without two cells is refused when its scenario comes.
func (s said) checkRows() (errs []error) {
	if s.rows == nil || s.table == nil {
		return nil
	}
	for i, row := range s.table.Rows {
		if len(row.Cells) != 2 {
			continue
		}
		if _, err := s.rows(row.Cells[0].Value, row.Cells[1].Value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.at(i), err))
		}
	}
	return errs
}

// askedAhead is what the sentence will have judged; no rows where it judges nothing.
func (s said) askedAhead(w *world) (asked experiment.Question, err error) {
	switch {
	case s.ahead != nil:
		return s.ahead(w, s)
	case s.rows == nil || s.judges == "":
		return asked, nil
	}
	asked.Kind = s.judges
	asked.Rows, err = s.objectives()
	return asked, err
}

// call does what the sentence says, to those of the parts that it works on.
func (s said) call(parts ...any) error {
	do := reflect.ValueOf(s.do)
	arguments, err := s.arguments(do.Type(), parts)
	if err != nil {
		return err
	}
	for _, result := range do.Call(arguments) {
		if err, ok := result.Interface().(error); ok {
			return err
		}
	}
	return nil
}

// arguments are those of do.
func (s said) arguments(do reflect.Type, parts []any) (all []reflect.Value, err error) {
	for i := range do.NumIn() - len(s.args) - len(s.ofTable()) {
		part, ok := assignable(do.In(i), parts)
		if !ok {
			return nil, fmt.Errorf("%q works on %v, which there is not here", s.pattern, do.In(i))
		}
		all = append(all, part)
	}
	for _, arg := range s.args {
		all = append(all, reflect.ValueOf(arg))
	}
	switch {
	case len(s.ofTable()) == 0:
		return all, nil
	case s.rows == nil:
		return append(all, reflect.ValueOf(s.table)), nil
	}
	rows, err := s.objectives()
	return append(all, reflect.ValueOf(rows)), err
}

// ofTable is the parameter of do that takes the table; empty where the sentence has none.
func (s *sentence) ofTable() []reflect.Type {
	do := reflect.TypeOf(s.do)
	if do.NumIn() == 0 {
		return nil
	}
	switch last := do.In(do.NumIn() - 1); last {
	case reflect.TypeFor[*godog.Table](), reflect.TypeFor[[]harness.Objective]():
		return []reflect.Type{last}
	}
	return nil
}

// assignable is the part that a parameter takes.
func assignable(parameter reflect.Type, parts []any) (reflect.Value, bool) {
	for _, part := range parts {
		if reflect.TypeOf(part).AssignableTo(parameter) {
			return reflect.ValueOf(part), true
		}
	}
	return reflect.Value{}, false
}

// parts are what sentences work on.
func (w *world) parts(ctx context.Context, s said) []any {
	return []any{ctx, s, w, &w.scenario, &w.target, &w.workload, &w.load, &w.patience, &w.measurement, &w.design, &w.arms, &w.judgement}
}

// handler is the sentence as godog calls it: a function of a context, a string for each group, and the table.
func (w *world) handler(s *sentence) any {
	in := []reflect.Type{reflect.TypeFor[context.Context]()}
	for range s.matches.NumSubexp() {
		in = append(in, reflect.TypeFor[string]())
	}
	if len(s.ofTable()) > 0 {
		in = append(in, reflect.TypeFor[*godog.Table]())
	}
	out := []reflect.Type{reflect.TypeFor[error]()}
	return reflect.MakeFunc(reflect.FuncOf(in, out, false), func(args []reflect.Value) []reflect.Value {
		said := newSaid(s, w.step, w.Where)
		err := said.call(w.parts(args[0].Interface().(context.Context), said)...)
		return []reflect.Value{reflect.ValueOf(&err).Elem()}
	}).Interface()
}

// read finds the sentence that reads a step; ok is false where there is none, which was said before anything ran.
func (w *world) read(step *messages.PickleStep) (of said, ok bool) {
	return w.vocabulary.read(step, w.Where)
}

// judgeRest judges the tables that stand after the step that failed: godog skips them, and what is
// expected of a run is to be known whole. It returns what of it is not met.
func (w *world) judgeRest() error {
	failed := false
	var errs []error
	for _, step := range w.pickle.Steps {
		if s, ok := w.read(step); failed && ok && s.late && s.table != nil && w.ran() {
			errs = append(errs, s.call(w.parts(context.Background(), s)...))
		}
		failed = failed || step.Id == w.failedAt
	}
	return errors.Join(errs...)
}

// judges reports whether a sentence of the scenario has something of this kind judged.
func (w *world) judges(kind experiment.QuestionKind) bool {
	for _, step := range w.pickle.Steps {
		if s, ok := w.read(step); ok && s.sentence.judges == kind {
			return true
		}
	}
	return false
}
