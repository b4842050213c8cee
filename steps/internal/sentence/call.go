package sentence

import (
	"fmt"
	"reflect"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness"
)

// Call does what the sentence says, to those of the parts that it works on.
func (s Said[W]) Call(parts ...any) error {
	do := reflect.ValueOf(s.Do)
	arguments, err := s.callArguments(do.Type(), parts)
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

// callArguments are those of Do.
func (s Said[W]) callArguments(do reflect.Type, parts []any) (all []reflect.Value, err error) {
	for i := range do.NumIn() - len(s.Args) - len(s.ofTable()) {
		part, ok := assignable(do.In(i), parts)
		if !ok {
			return nil, fmt.Errorf("%q works on %v, which there is not here", s.Pattern, do.In(i))
		}
		all = append(all, part)
	}
	for _, arg := range s.Args {
		all = append(all, reflect.ValueOf(arg))
	}
	switch {
	case len(s.ofTable()) == 0:
		return all, nil
	case s.Rows == nil && s.Table == nil:
		return nil, fmt.Errorf("%s: the sentence has a table, which is missing", s.At())
	case s.Rows == nil:
		return append(all, reflect.ValueOf(s.Table)), nil
	}
	rows, err := s.Objectives()
	return append(all, reflect.ValueOf(rows)), err
}

// ofTable is the parameter of Do that takes the table; empty where the sentence has none.
func (e *Entry[W]) ofTable() []reflect.Type {
	do := reflect.TypeOf(e.Do)
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

// Fits reports what is wrong with an entry, for the tests of a vocabulary: what Do takes must be the parts and the
// groups of the pattern, and rows go together with objectives.
func (e *Entry[W]) Fits(parts ...any) error {
	do := reflect.TypeOf(e.Do)
	said := Said[W]{Entry: e, Args: make([]string, e.matches.NumSubexp()), Table: &godog.Table{}, At: func(...int) string { return "" }}
	arguments, err := said.callArguments(do, parts)
	switch {
	case err != nil:
		return err
	case len(arguments) != do.NumIn():
		return fmt.Errorf("%s: it takes %d parameters and is given %d", e.Pattern, do.NumIn(), len(arguments))
	case do.NumOut() > 0 && do.Out(0) != reflect.TypeFor[error]():
		return fmt.Errorf("%s: it returns %v", e.Pattern, do.Out(0))
	case (e.Rows != nil) != (len(e.ofTable()) > 0 && e.ofTable()[0] != reflect.TypeFor[*godog.Table]()):
		return fmt.Errorf("%s: rows and []harness.Objective go together", e.Pattern)
	case e.Late && e.Rows == nil:
		return fmt.Errorf("%s has no rows to be judged late", e.Pattern)
	}
	for i, argument := range arguments {
		if !argument.Type().AssignableTo(do.In(i)) {
			return fmt.Errorf("%s: %v is given as %v", e.Pattern, do.In(i), argument.Type())
		}
	}
	return nil
}
