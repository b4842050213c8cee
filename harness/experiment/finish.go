package experiment

import (
	"bytes"
	"errors"
	"path"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/reports"
)

// A Summary is what came of an experiment, in short.
type Summary struct {
	Outcome    slo.Outcome
	Headline   string
	Objectives []reports.Objective
	Figures    []reports.Figures
	Group      *trials.Group // of several runs; nil: it was one
	Report     string        // the page, from the folder of all runs, with slashes; "" where it could not be published
}

// Finish writes what an experiment leaves behind, whatever came of it, and publishes it. The cause is
// why it failed; nil where it did not. The summary is nil where there is nothing to publish. That a run
// was stopped early is an error, unless [Experiment.StoppedEarly] was asked.
func (e *Experiment) Finish(cause error) (*Summary, error) {
	defer e.unwatch()
	t := e.last
	switch {
	case e.session.Place.replays():
		return nil, nil
	case e.group != nil:
		return e.finishGroup(cause)
	case t == nil || t.folder == nil:
		return nil, nil
	case t.run == nil:
		return nil, t.folder.Discard()
	}
	stopped := e.stoppedUnasked(cause)
	_, err := t.keep(errors.Join(cause, stopped))
	return &Summary{t.view.Outcome, t.view.Headline, t.view.Objectives, t.view.Figures, nil, pageOf(t.folder.Run(), err)}, errors.Join(err, stopped)
}

// finishGroup writes what several runs leave behind together.
func (e *Experiment) finishGroup(cause error) (*Summary, error) {
	of := e.group
	if len(of.Trials) == 0 {
		return nil, of.folder.Discard()
	}
	stopped := e.stoppedUnasked(cause)
	manifest := e.groupManifest(errors.Join(cause, stopped))
	view := reports.NewGroup(of.Group, of.verdicts, manifest)
	e.writeGroup(manifest, view)
	_, err := of.folder.Publish()
	return &Summary{view.Outcome, view.Headline, view.Objectives, nil, &view.Data, pageOf(of.folder.Run(), err)}, errors.Join(err, stopped)
}

// pageOf is the page of a run, from the folder of all runs; "" where the run could not be published.
func pageOf(run string, err error) string {
	if _, unstored := errors.AsType[*store.Unstored](err); unstored {
		return ""
	}
	return path.Join(run, "report.html")
}

// stoppedUnasked is an error where the run was stopped early and the scenario did not
// expect it; nil where what else went wrong says so already.
func (e *Experiment) stoppedUnasked(cause error) error {
	if e.group != nil && e.group.Kind != trials.Repeats {
		return nil // a point or a probe that was more than the server could do is a result
	}
	if !e.Ran() || e.last.run.Stopped.Kind != harness.StopAbandoned || e.mayStop || cause != nil {
		return nil
	}
	return e.last.run.Stopped.Err()
}

// keep writes the files of a run and publishes its folder. It returns where that is, also where
// something could not be written: then the error says so, and the run is not published.
func (t *trial) keep(cause error) (string, error) {
	manifest := t.write(cause)
	t.of.session.reach(Writing)
	if t.of.NoteInterrupt() { // meanwhile
		manifest = t.write(errors.Join(cause, t.run.Stopped.Err()))
	}
	if t.folder.Unwritten() == nil {
		_ = t.folder.Failed(t.keepLog())
	}
	folder, err := t.folder.Publish()
	if t.watch != nil {
		t.watch.Published(t.view, reports.NewEntry(manifest, t.verdicts), folder)
		t.unwatch()
	}
	return t.of.session.fromRoot(folder), err
}

// write writes the files of a run that has ended, the log of its server aside, until one cannot be
// written. The manifest comes first: with it the run can be judged again, and the other files be
// made of it.
func (t *trial) write(cause error) store.Manifest {
	manifest := t.manifest(t.run, cause)
	if t.verdicts == nil {
		t.verdicts = []slo.Verdict{} // [] in the file, not null
	}
	window := t.measured()
	t.view = reports.NewDrawnView(t.drawing, t.run, window, t.observer.Times(), t.verdicts, manifest)
	if !t.folder.Measured() { // run.json must not say that the run had ended
		return manifest
	}
	for _, next := range []func() error{
		func() error { return t.folder.WriteJSON("run.json", manifest) },
		func() error { return t.folder.WriteJSON("verdicts.json", t.verdicts) },
		func() error { return t.folder.WriteFile("bench.txt", t.benchmark()) },
		func() error {
			var page bytes.Buffer
			if err := reports.Render(&page, t.view); err != nil {
				return err
			}
			return t.folder.WriteFile("report.html", page.Bytes())
		},
	} {
		if t.folder.Failed(next()) != nil {
			break
		}
	}
	return manifest
}

// writeGroup writes the files of several runs that have ended, until one cannot be written.
func (e *Experiment) writeGroup(manifest store.Manifest, view reports.Group) {
	of := e.group
	ended := func(m store.Manifest) error { return of.folder.WriteJSON("run.json", m) }
	var page bytes.Buffer
	err := reports.RenderGroup(&page, view)
	if err == nil {
		err = of.note(manifest, of.judged, ended)
	}
	if err == nil {
		err = of.folder.WriteFile("report.html", page.Bytes())
	}
	if err == nil && of.Kind == trials.Repeats { // loads that differ have lines that are not to be averaged: each has its own
		err = of.folder.WriteFile("bench.txt", e.benchmarks(e.scenario.Labels, of.windows))
	}
	if err == nil && of.others != nil {
		err = of.folder.WriteFile("bench-other.txt", e.benchmarks(e.other.labels, of.others))
	}
	_ = of.folder.Failed(err)
}

// keepLog keeps with the run what a server that we started wrote since the run before.
func (t *trial) keepLog() error {
	written, err := t.on.LogSince(t.on.logged)
	if err != nil || written == nil {
		return err
	}
	if err := t.folder.WriteFile("server.log", written); err != nil {
		return err
	}
	t.on.logged = t.on.LogSize()
	l := &t.of.session.launched
	l.logged, l.logKept = t.on.logged, true
	return nil
}

// unwatch lets go of the watch, also of a run that never began.
func (e *Experiment) unwatch() {
	if e.last != nil {
		e.last.unwatch()
	}
}

func (t *trial) unwatch() {
	if t.watch != nil {
		t.watch.Close()
		t.watch = nil
	}
}

// NoteInterrupt notes that an experiment was interrupted after its load, while it was judged or stored:
// whether all was done with it that was to be done is not known, and nothing of it is met.
// It reports whether that changed anything.
func (e *Experiment) NoteInterrupt() bool {
	by, interrupted := e.session.Interrupted()
	if !interrupted || !e.Ran() {
		return false
	}
	stopped, verdicts := &e.last.run.Stopped, e.last.verdicts
	if e.group != nil {
		stopped, verdicts = &e.group.stopped, e.group.verdicts
	}
	if stopped.Early() {
		return false
	}
	*stopped = harness.Stop{Kind: harness.StopInterrupted, Detail: string(by)}
	slo.VoidEarly(verdicts, *stopped, e.scenario.Good)
	return true
}
