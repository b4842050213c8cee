package steps

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/reports"
)

// finish writes what a scenario leaves behind, whatever its outcome was.
func (w *world) finish(cause error) error {
	defer w.unwatched()
	if w.whole != nil {
		return w.finishWhole(cause)
	}
	switch {
	case w.folder == nil:
		return nil
	case w.run == nil:
		return w.folder.Discard()
	}
	abandoned := w.abandonedUnasked(cause)
	path, err := w.keep(errors.Join(cause, abandoned))
	w.tabulate(w.view.Outcome, w.view.Headline, w.view.Objectives, filepath.Join(w.folder.Run(), "report.html"))
	w.say(filepath.Join(path, "report.html"))
	return errors.Join(err, abandoned)
}

// abandonedUnasked is an error where the run was abandoned and the scenario did not
// expect it; nil where what else went wrong says so already.
func (w *world) abandonedUnasked(cause error) error {
	if w.whole != nil && w.whole.Kind != trials.Repeats {
		return nil // a point or a probe that was more than the server could do is a result
	}
	if w.run == nil || !strings.HasPrefix(w.run.Stopped, harness.Abandoned) || w.givenUp || cause != nil {
		return nil
	}
	return errors.New("the run was " + w.run.Stopped)
}

// say tells whoever reads along.
func (w *world) say(line string) { fmt.Fprintf(w.suite.output, "    %s\n", line) }

// keep writes the files of a run and publishes its folder. It returns where that is.
func (w *world) keep(cause error) (string, error) {
	manifest := w.manifest(cause)
	if w.verdicts == nil {
		w.verdicts = []slo.Verdict{} // [] in the file, not null
	}
	w.view = reports.NewView(w.run, w.measured(), w.verdicts, manifest)
	var page bytes.Buffer
	err := errors.Join(
		reports.Render(&page, w.view),
		w.folder.WriteJSON("run.json", manifest),
		w.folder.WriteJSON("verdicts.json", w.verdicts),
		w.folder.WriteFile("bench.txt", w.benchmarks(w.scenario.Labels, []*slo.Window{w.measured()})),
		w.folder.WriteFile("report.html", page.Bytes()),
	)
	err = errors.Join(err, w.keepLog())
	path, published := w.folder.Publish()
	w.shown(manifest, path)
	return w.suite.fromRoot(path), errors.Join(err, published)
}

// keepLog keeps with the run what a server that we started wrote since the run before.
func (w *world) keepLog() error {
	written, err := w.served.LogSince(w.served.logged)
	if err != nil || written == nil {
		return err
	}
	w.suite.logged, w.served.logged = w.served.LogSize(), w.served.LogSize()
	return w.folder.WriteFile("server.log", written)
}

// measured is the run as it is judged, gone through once.
func (w *world) measured() *slo.Window {
	if w.window == nil {
		w.window = slo.Measure(w.run)
	}
	return w.window
}
