package amount

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// Stage reads a row: | for 1 minute | 4 per second | or | for 2 minutes | from 4 to 16 per second |.
func Stage(cells ...string) (s arrival.Stage, err error) {
	const form = "a row reads | for 1 minute | 4 per second | or | for 2 minutes | from 4 to 16 per second |"
	if len(cells) != 2 {
		return s, fmt.Errorf("the row has %d cells; %s", len(cells), form)
	}
	length, isFor := strings.CutPrefix(cells[0], "for ")
	rates, perSecond := strings.CutSuffix(cells[1], " per second")
	if !isFor || !perSecond {
		return s, errors.New(form)
	}
	if s.For, err = Duration(length); err != nil {
		return s, err
	}
	from, to, changes := strings.Cut(strings.TrimPrefix(rates, "from "), " to ")
	if !changes {
		to = from
	}
	if s.From, err = quantity.Number(from); err == nil {
		s.To, err = quantity.Number(to)
	}
	switch {
	case err != nil:
		return s, err
	case s.From < 0 || s.To < 0 || s.For <= 0:
		return s, fmt.Errorf("%q: a rate cannot be negative, and a stage takes time", cells[1])
	}
	return s, nil
}
