package suite

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/reports"
)

// announce says which server is measured, what is left out, and how much there is.
func (s *Suite) announce(to io.Writer) {
	for _, line := range append(append(s.targets(), s.finder.notes...), s.amount()) {
		fmt.Fprintln(to, line)
	}
}

// amount says how many scenarios are run.
func (s *Suite) amount() string {
	files := map[string]bool{}
	for _, f := range s.found {
		files[f.Path] = true
	}
	if len(files) == 1 {
		return scenarios(s.scenarios()) + " of " + s.found[0].Path
	}
	return fmt.Sprintf("%s of %d features", scenarios(s.scenarios()), len(files))
}

// scenarios is how many are run.
func (s *Suite) scenarios() (n int) {
	for _, f := range s.found {
		n += f.scenarios
	}
	return n
}

// place is which of all scenarios is running.
func (s *Suite) place() string { return fmt.Sprintf("%d of %d", s.begun, s.scenarios()) }

// conclude says in a few lines what became of all scenarios, and where their pages are listed.
func (s *Suite) conclude() {
	lines := s.results.tally()
	for _, line := range lines {
		s.display.NoteAll(line)
	}
	if lines != nil {
		s.display.Link("all runs: ", filepath.Join(s.env.Out, "index.html"))
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
