package suite

import (
	"fmt"
	"slices"

	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/steps"
)

// announce says which server is measured, and what is left out, where the output goes.
func (s *Suite) announce() {
	for _, line := range slices.Concat(s.announcements(s.found), s.lines) {
		fmt.Fprintln(s.output, line)
	}
}

// announceToReader says it where a person reads along, when the first feature begins.
func (s *Suite) announceToReader() {
	if s.ran != 1 || s.progress == s.output {
		return
	}
	for _, line := range slices.Concat(s.announcements(s.found), s.lines) {
		fmt.Fprintln(s.progress, line)
	}
}

// announcements say before the first scenario which server is measured: in two lines
// where some scenarios are measured on the mock and others are not.
func (s *Suite) announcements(features []Feature) []string {
	onMock := 0
	for _, f := range features {
		if f.Virtual {
			onMock++
		}
	}
	switch intended := s.intended(); {
	case !s.live() || s.env.RealTime && onMock == 0:
		return []string{"target: " + intended.Server() + " (simulated; set VLLM_URL to measure a server)"}
	case onMock == 0:
		return []string{"target: " + intended.String()}
	case onMock < len(features):
		return []string{"target: " + intended.String(), "target of what is tagged @simulated: " + mock(true).String()}
	}
	return []string{"target: " + mock(true).String() + "; all that is run is tagged @simulated, and nothing is asked of " + s.intended().Server()}
}

// mock is the mock of our own as a target, on either clock.
func mock(virtual bool) reports.Target { return experiment.Mock(virtual) }

// intended is the server that scenarios are measured on unless they ask for the mock,
// as far as the environment says.
func (s *Suite) intended() reports.Target { return s.session.Intends(experiment.Target{}, !s.live()) }

// measured is the server that a scenario measured, or was to measure.
func (s *Suite) measured(of steps.Result) reports.Target {
	if of.Experiment != nil {
		return of.Experiment.Measured()
	}
	return s.session.Intends(of.Target, s.inBubble)
}
