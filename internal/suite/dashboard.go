package suite

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/live"
)

// A watcher shows runs on the terminal and on the dashboard while they go on.
type watcher struct{ *Suite }

// Watch begins to show a run.
func (w watcher) Watch(scenario harness.Scenario, m experiment.Manifest, stop func()) experiment.Watch {
	observers := []live.Observer{w.onTerminal()}
	if server := w.shownAt(); server != nil {
		observers = append(observers, server)
		server.Begin(stop)
	}
	return watch{live.NewWatch(scenario, m, observers...), w.Suite}
}

// A watch shows one run.
type watch struct {
	*live.Watch
	suite *Suite
}

// Published shows what became of the run, which now lies in a folder.
func (w watch) Published(view reports.View, entry reports.Entry, folder string) {
	w.Ended(view)
	if server := w.suite.dashboard; server != nil {
		server.End(entry, filepath.Join(folder, "report.html"))
	}
}

// tabulate writes the verdicts where a person reads along, and where the output goes.
func (s *Suite) tabulate(scenario string, of *experiment.Summary) {
	live.NewTerminal(s.output, os.Getenv).Table(of.Outcome, of.Headline, of.Objectives)
	if s.terminal != nil && s.progress != s.output {
		s.terminal.Table(of.Outcome, scenario+": "+of.Headline, of.Objectives)
	}
}

// onTerminal is where progress is written.
func (s *Suite) onTerminal() *live.Terminal {
	if s.terminal == nil {
		s.terminal = live.NewTerminal(s.progress, os.Getenv)
	}
	return s.terminal
}

// shownAt is the server that shows all live runs; nil where there is none. That it
// could not begin fails no run.
func (s *Suite) shownAt() *live.Server {
	if s.dashboard != nil || s.undone != nil || s.env.Dashboard == "" {
		return s.dashboard
	}
	s.dashboard, s.undone = live.Listen(s.env.Dashboard)
	if s.undone != nil && s.env.AnyPort {
		s.dashboard, s.undone = live.Listen("127.0.0.1:0")
	}
	if s.undone != nil {
		s.dashboard = nil
		fmt.Fprintf(s.progress, "    the runs cannot be shown at %s: %v; set VLLMSPEC_DASHBOARD to another address, or to \"off\"\n", s.env.Dashboard, s.undone)
		return nil
	}
	fmt.Fprintf(s.progress, "    live at %s\n", s.dashboard.URL())
	if s.progress != s.output {
		fmt.Fprintf(s.output, "    live at %s\n", s.dashboard.URL())
	}
	return s.dashboard
}

func (s *Suite) closeDashboard() {
	if s.dashboard != nil {
		s.dashboard.Close()
	}
	s.dashboard = nil
}
