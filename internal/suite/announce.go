package suite

import (
	"fmt"
	"io"

	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/reports"
)

// announce says which server is measured, and what is left out.
func (s *Suite) announce(to io.Writer) {
	for _, line := range append(s.targets(), s.finder.notes...) {
		fmt.Fprintln(to, line)
	}
}

// targets say before the first scenario which server is measured: in two lines
// where some scenarios are measured on the mock and others are not.
func (s *Suite) targets() []string {
	onMock := 0
	for _, f := range s.found {
		if f.Virtual {
			onMock++
		}
	}
	switch intended := s.intended(); {
	case !s.env.Live() || s.env.RealTime && onMock == 0:
		return []string{"target: " + intended.Server() + " (simulated; set VLLM_URL to measure a server)"}
	case onMock == 0:
		return []string{"target: " + intended.String()}
	case onMock < len(s.found):
		return []string{"target: " + intended.String(), "target of what is tagged @simulated: " + mock(true).String()}
	default:
		return []string{"target: " + mock(true).String() + "; all that is run is tagged @simulated, and nothing is asked of " + intended.Server()}
	}
}

// mock is the mock of our own as a target, on either clock.
func mock(virtual bool) reports.Target { return experiment.Mock(virtual) }

// intended is the server that scenarios are measured on unless they ask for the mock,
// as far as the environment says.
func (s *Suite) intended() reports.Target {
	return s.session.Intends(experiment.Target{}, !s.env.Live())
}
