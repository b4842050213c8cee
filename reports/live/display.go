package live

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/reports"
)

// A Display shows one run after the other: in lines of text, and on a page where it has an address. The page begins with
// the first run, and stays until the display is closed.
type Display struct {
	Output   io.Writer // of the tests
	Progress io.Writer // where a person reads along while they run: the output, or a terminal
	Address  string    // of the page; "" for none
	AnyPort  bool      // just this address was not asked for: another port will do

	terminal *Terminal // at Progress; nil until something is shown there
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
	d.listen()
	observers := []Observer{d.reader()}
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

// An Ended scenario is what became of it, in short.
type Ended struct {
	Scenario   string
	Outcome    slo.Outcome
	Headline   string // the verdict in one sentence
	Counted    string // the same without the reason, where the output has that below; "": it has not
	Objectives []reports.Objective
	Figures    []reports.Figures
	Group      *trials.Group // of several runs; nil: it was one
	Report     string        // path of its page; "" where there is none
}

// reader is where a person reads along while the tests run.
func (d *Display) reader() *Terminal {
	if d.terminal == nil {
		d.terminal = NewTerminal(d.Progress, os.Getenv)
	}
	return d.terminal
}

// Begin shows, to a person who reads along elsewhere than at the output, that the n-th of so many scenarios begins.
func (d *Display) Begin(n, of int, scenario string) {
	if d.Progress != d.Output {
		d.reader().Begin(fmt.Sprintf("[%d/%d]", n, of), scenario)
	}
}

// Note writes a line where a person reads along.
func (d *Display) Note(line string) { d.reader().Note(line) }

// NoteAll writes a line to the output, and where a person reads along.
func (d *Display) NoteAll(line string) {
	if d.Progress != d.Output {
		d.Note(line)
	}
	NewTerminal(d.Output, os.Getenv).Note(line)
}

// Link writes a line that leads to a file, to the output and where a person reads along.
func (d *Display) Link(says, file string) {
	if d.Progress != d.Output {
		d.reader().Link(says, file)
	}
	NewTerminal(d.Output, os.Getenv).Link(says, file)
}

// Table writes the verdicts of a scenario, to the output below its sentences, and where a person reads along.
func (d *Display) Table(of Ended) {
	if d.Progress != d.Output {
		named := of
		named.Headline = of.Scenario + ": " + of.Headline
		d.reader().Table(named)
	}
	of.Headline = cmp.Or(of.Counted, of.Headline)
	NewTerminal(d.Output, os.Getenv).Table(of)
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
		d.Note(fmt.Sprintf("the runs cannot be shown at %s: %v; set VLLMSPEC_DASHBOARD to another address, or to \"off\"", d.Address, err))
		return
	}
	d.server = server
	d.NoteAll("live at " + server.URL())
}

// Close ends the page.
func (d *Display) Close() {
	if d.server != nil {
		d.server.Close()
	}
	d.server = nil
}
