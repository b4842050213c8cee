package importing

import (
	"errors"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// Rows reads objectives that are written in one line each.
func Rows(written []string) (all []harness.Objective, err error) {
	for _, one := range written {
		subject, expectation, wrong := slo.SplitLine(one)
		if wrong != nil {
			err = errors.Join(err, wrong)
			continue
		}
		o, _ := slo.Parse(subject, expectation) // as SplitLine did
		all = append(all, o)
	}
	return all, err
}
