package steps

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
)

// measurementSentences say what of a run is measured.
func measurementSentences(rows grammar) []entry {
	return []entry{
		{Pattern: `^the first (.+) (?:is|are) warm-up$`, Do: (*measurement).warmUp,
			Doc: `Leaves what was due in this time out of the verdicts.`},
		{Pattern: goodWhenPattern, Do: goodWhen, Rows: rows.ParseGood,
			Doc: `Defines a good request, for goodput and attainment; a row that begins with the name of a class is about that
				class.`},
		{Pattern: `^the run is abandoned unless:$`, Do: (*measurement).abandonedUnless, Rows: rows.Parse,
			Doc: `Stops the run as soon as one of these is missed, and fails it: a server that answers nothing need not be asked
				for an hour.`},
		{Pattern: `^the seed is (\S+)$`, Do: (*measurement).seedIs,
			Doc: `Sets the seed of arrivals, prompts and think times.`},
	}
}

// measurement is how a run is measured, as the scenario says it, beside what [harness.Scenario] holds.
type measurement struct {
	seeded     bool                // the scenario says its seed
	warmUpSaid bool                // by the scenario; else it is found in the run
	abandon    []harness.Objective // the run is stopped early once one is missed
}

func (m *measurement) warmUp(s *harness.Scenario, length string) (err error) {
	s.Warmup, err = amount.Duration(length)
	m.warmUpSaid = true
	return err
}

func goodWhen(s *harness.Scenario, rows []harness.Objective) {
	s.Good = append(s.Good, rows...)
}

func (m *measurement) abandonedUnless(rows []harness.Objective) error {
	for _, o := range rows {
		if err := slo.Decidable(o); err != nil {
			return sentence.Placed(o.Where, err)
		}
	}
	m.abandon = append(m.abandon, rows...)
	return nil
}

func (m *measurement) seedIs(s *harness.Scenario, seed string) (err error) {
	if m.seeded {
		return errors.New("the seed is said twice; keep one")
	}
	m.seeded = true
	s.Seed, err = strconv.ParseUint(seed, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is no seed; write a whole number from 0", seed)
	}
	return nil
}
