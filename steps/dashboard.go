package steps

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/live"
)

// defaultDashboard is where live runs are shown unless the environment says otherwise.
const defaultDashboard = "127.0.0.1:7878"

func (e *Environment) readDashboard(vars map[string]string) error {
	switch address := vars["VLLMSPEC_DASHBOARD"]; {
	case address == "off", address == "" && vars["CI"] != "":
	case address == "":
		e.Dashboard, e.AnyPort = defaultDashboard, true
	default:
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			return fmt.Errorf("VLLMSPEC_DASHBOARD is %q; write an address, %s, or \"off\"", address, defaultDashboard)
		}
		e.Dashboard = address
	}
	return nil
}

// onShow lets a live run be seen while it goes on. The context that it returns ends
// with the one it is given, or when somebody stops this run from the page.
func (w *world) onShow(ctx context.Context, began time.Time, runner *harness.Runner) context.Context {
	if w.served.Virtual { // it is over before anybody could look
		return ctx
	}
	ctx, stop := context.WithCancel(ctx)
	w.run = &harness.Run{Scenario: w.scenario, Start: began}
	m := w.manifest(nil)
	w.run = nil
	observers := []live.Observer{w.suite.onTerminal()}
	if server := w.suite.shownAt(); server != nil {
		observers = append(observers, server)
		server.Begin(stop)
	}
	w.watch, w.unwatch = live.NewWatch(w.scenario, m, observers...), stop
	runner.Sinks = append(runner.Sinks, w.watch)
	return ctx
}

// shown shows what became of a run, which now lies in a folder.
func (w *world) shown(m store.Manifest, folder string) {
	if w.watch == nil {
		return
	}
	w.watch.Ended(w.view)
	if server := w.suite.dashboard; server != nil {
		server.End(reports.NewEntry(m, w.verdicts), filepath.Join(folder, "report.html"))
	}
	w.unwatched()
}

// unwatched lets go of the watch, also of a run that never began.
func (w *world) unwatched() {
	if w.watch != nil {
		w.watch.Close()
		w.unwatch()
		w.watch, w.unwatch = nil, nil
	}
}

// tabulate writes the verdicts where a person reads along, and where the output goes,
// and remembers them for CI systems.
func (w *world) tabulate(outcome slo.Outcome, headline string, objectives []reports.Objective, report string) {
	w.told = &reports.Told{Scenario: w.pickle.Name, Nth: w.suite.named[w.pickle.Name], Where: w.scenario.Where, Outcome: outcome, Headline: headline, Objectives: objectives, Report: report, LetPass: w.letPass()}
	live.NewTerminal(w.suite.output, os.Getenv).Table(outcome, headline, objectives)
	if w.suite.terminal != nil && w.suite.progress != w.suite.output {
		w.suite.terminal.Table(outcome, w.scenario.Name+": "+headline, objectives)
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
