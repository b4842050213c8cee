package steps

import (
	"context"
	"errors"
	"fmt"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness/experiment"
)

// Plan reads a scenario as far as that can be done without a server, and runs nothing: its sentences, and the files
// that it draws from or is compared with. The error says where the first mistake stands.
func (r *Reader) Plan(scenario *godog.Scenario, in Setting) (plan experiment.Plan, err error) {
	w := r.world(in)
	w.begin(scenario)
	w.instead = &plan
	defer func() { err = errors.Join(err, w.workload.close()) }()
	for _, step := range scenario.Steps {
		s, ok := w.read(step)
		if !ok {
			continue // it was refused before
		}
		w.step = step
		err := s.call(w.parts(context.Background(), s)...)
		switch {
		case plan.Scenario.Dataset != nil, errors.As(err, new(located)):
			return plan, err
		case err != nil:
			return plan, fmt.Errorf("%s: %w", s.at(), err)
		}
	}
	return plan, fmt.Errorf("%s: %w", w.scenario.Where, errNoLoad)
}

type located struct{ error } // it says itself where its mistake stands
