package sentence

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// Objectives reads the rows of the table, each with the place where it stands. The error is that of all rows.
func (s Said[W]) Objectives() (all []harness.Objective, err error) {
	if s.Table == nil {
		return nil, Placed(s.At(), errors.New("this sentence needs a table, whose rows stand below it: | p99 TTFT | at most 500 ms |"))
	}
	var errs []error
	for i, row := range s.Table.Rows {
		if i == 0 && isHeader(row.Cells) {
			continue
		}
		o, err := s.row(row.Cells)
		if err != nil {
			errs = append(errs, Placed(s.At(i), err))
			continue
		}
		o.Where = s.At(i)
		all = append(all, o)
	}
	if len(all)+len(errs) == 0 && len(s.Table.Rows) > 0 {
		errs = append(errs, Placed(s.At(0), errors.New("the table has a header and no row below it; add | p99 TTFT | at most 500 ms |")))
	}
	return all, errors.Join(errs...)
}

// row reads one row: a subject and what is expected of it, also where they stand in one cell or in more than two.
func (s Said[W]) row(cells []*messages.PickleTableCell) (harness.Objective, error) {
	var texts []string
	for _, cell := range cells {
		texts = append(texts, cell.Value)
	}
	at, last := slices.IndexFunc(texts, slo.BeginsExpectation), len(texts)-1
	switch {
	case len(texts) == 2:
		return s.Rows(texts[0], texts[1])
	case len(texts) == 1:
		subject, expectation, err := slo.SplitRow(texts[0])
		if err != nil {
			return harness.Objective{}, err
		}
		return s.Rows(subject, expectation)
	case at > 0 && (at == last || at == last-1 && slo.IsRelation(texts[at])):
		return s.Rows(strings.Join(texts[:at], " "), strings.Join(texts[at:], " "))
	}
	return harness.Objective{}, fmt.Errorf("a row has two cells, | p99 TTFT | at most 500 ms |, this one has %d", len(texts))
}

// isHeader reports whether a row names the columns: | metric | limit |.
func isHeader(cells []*messages.PickleTableCell) bool {
	names := strings.Fields("metric metrics objective objectives statistic stat figure what slo sli indicator measure relation operator condition limit limits target value threshold expectation expected must goal bound")
	for _, cell := range cells {
		if !slices.Contains(names, strings.ToLower(cell.Value)) {
			return false
		}
	}
	return len(cells) > 0
}

// CheckRows returns the errors of all rows.
func (s Said[W]) CheckRows() error {
	if s.Entry.Rows == nil || s.Table == nil {
		return nil
	}
	_, err := s.Objectives()
	return err
}
