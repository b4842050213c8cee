package live

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

// A Display shows one run after the other: in lines of text, and on a page where it has an address. The page begins with
// the first run, and stays until the display is closed.
type Display struct {
	Output   io.Writer // of the tests
	Progress io.Writer // where a person reads along while they run: the output, or a terminal
	Address  string    // of the page; "" for none
	AnyPort  bool      // just this address was not asked for: another port will do

	terminal *Terminal // nil until a run is shown
	server   *Server   // nil until a run is shown, and where there is no page
	failed   error     // why there is no page
}

// A Shown run is one that a display shows.
type Shown struct {
	*Watch
	server *Server // nil: there is no page
}

// Watch begins to show a run. stop ends its load.
func (d *Display) Watch(s harness.Scenario, m store.Manifest, stop func()) Shown {
	if d.terminal == nil {
		d.terminal = NewTerminal(d.Progress, os.Getenv)
	}
	d.listen()
	observers := []Observer{d.terminal}
	if d.server != nil {
		observers = append(observers, d.server)
		d.server.Begin(stop)
	}
	return Shown{NewWatch(s, m, observers...), d.server}
}

// Published shows what became of the run, which now lies in a folder.
func (s Shown) Published(v reports.View, entry reports.Entry, folder string) {
	s.Ended(v)
	if s.server != nil {
		s.server.End(entry, filepath.Join(folder, "report.html"))
	}
}

// Table writes the verdicts of a scenario, to the output and where a person reads along.
func (d *Display) Table(scenario string, outcome slo.Outcome, headline string, objectives []reports.Objective) {
	NewTerminal(d.Output, os.Getenv).Table(outcome, headline, objectives)
	if d.terminal != nil && d.Progress != d.Output {
		d.terminal.Table(outcome, scenario+": "+headline, objectives)
	}
}

// listen begins the page, where it is asked for and not tried yet. That it cannot begin fails no run.
func (d *Display) listen() {
	if d.server != nil || d.failed != nil || d.Address == "" {
		return
	}
	server, err := Listen(d.Address)
	if err != nil && d.AnyPort {
		server, err = Listen("127.0.0.1:0")
	}
	if d.failed = err; err != nil {
		fmt.Fprintf(d.Progress, "    the runs cannot be shown at %s: %v; set VLLMSPEC_DASHBOARD to another address, or to \"off\"\n", d.Address, err)
		return
	}
	d.server = server
	fmt.Fprintf(d.Progress, "    live at %s\n", server.URL())
	if d.Progress != d.Output {
		fmt.Fprintf(d.Output, "    live at %s\n", server.URL())
	}
}

// Close ends the page.
func (d *Display) Close() {
	if d.server != nil {
		d.server.Close()
	}
	d.server = nil
}
