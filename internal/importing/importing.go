// Package importing makes stored runs of what other load generators measured: it judges them, draws
// them, and keeps them beside the runs of ours.
package importing

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/foreign"
	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// Asked is what is to be judged of a run.
type Asked struct {
	Name       string // of the scenario; "" is the tool's
	Where      string // feature file and line that the objectives are from
	Good       []harness.Objective
	Objectives []harness.Objective
}

// A Kept is a run that is stored.
type Kept struct {
	Dir      string
	Target   reports.Target
	Outcome  slo.Outcome
	Headline string
	Verdicts []slo.Verdict
	Warnings []string
}

// Keep judges a result, draws it, and stores it under a folder. Where this fails nothing is left.
func Keep(r *foreign.Result, asked Asked, under string) (kept *Kept, err error) {
	if r.Start.IsZero() {
		r.Start = time.Now()
	}
	k := &keeping{of: r, asked: asked}
	k.run = k.newRun()
	if k.folder, err = store.Create(under, store.Name(k.run.Start, k.run.Scenario.Name)); err != nil {
		return nil, err
	}
	if kept, err = k.keep(); err != nil {
		return nil, errors.Join(err, k.folder.Discard())
	}
	return kept, nil
}

// A keeping is a result that is being stored.
type keeping struct {
	of     *foreign.Result
	asked  Asked
	run    *harness.Run
	folder *store.Folder
}

// newRun is the run without its records.
func (k *keeping) newRun() *harness.Run {
	r := k.of
	name := k.asked.Name
	if name == "" {
		name = r.Name
	}
	run := &harness.Run{Imported: &harness.Imported{By: r.By(), Files: r.Files}, Start: r.Start, Length: r.Length, From: r.From, To: r.To, Requests: r.Requests,
		Scenario: harness.Scenario{Name: name, Where: k.asked.Where, Good: k.asked.Good, Objectives: k.asked.Objectives, Leftovers: true, Labels: k.labels()}}
	run.Unwatched = map[string]string{}
	for _, feed := range []string{metric.Server, metric.GPU, metric.Host, "client"} {
		run.Unwatched[feed] = fmt.Sprintf("the files of %s do not have it", r.Tool.Name())
	}
	run.Warnings = harness.Oddities(r.Unknown...)
	if doubts := r.Doubts(); len(doubts) > 0 {
		run.Warnings = append(run.Warnings, harness.Oddities("the figures that "+r.Tool.Name()+" states do not follow from its requests: "+strings.Join(doubts, "; "))...)
	}
	return run
}

// labels are what runs must have in common to be compared.
func (k *keeping) labels() map[string]string {
	labels := map[string]string{"clock": "real", "measured-by": k.of.By(), "model": k.of.Model, "load": k.of.Load, "server": "not known"}
	if k.of.URL != "" {
		labels["server"] = "real"
	}
	if k.of.Chat {
		labels["interface"] = store.InterfaceChat
	}
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" })
	return labels
}

// keep stores all that there is to be stored, and publishes it.
func (k *keeping) keep() (*Kept, error) {
	archive := k.folder.Archive(k.run.Scenario.Name)
	if err := errors.Join(k.records(archive), archive.Close()); err != nil {
		return nil, err
	}
	k.run.Records, k.run.Samples = archive.Records(), archive.Samples()
	measurement, drawing := measure.NewMeasurement(k.run), chart.NewDrawing(k.run.Requests, chart.Full())
	observer := diagnose.NewObserver(measurement.Window, k.asked.Objectives...)
	k.run.Each(measurement, observer, drawing)
	k.run.Warnings = append(k.run.Warnings, harness.Oddities(slo.Remarks(measurement.Window)...)...)
	question := store.Asked{Kind: store.AskedObjectives, Rows: k.asked.Objectives}
	runs := judge.Runs{Labels: k.run.Scenario.Labels, Good: k.asked.Good, Windows: []*measure.Window{measurement.Window}, Observed: map[*measure.Window]*diagnose.Observer{measurement.Window: observer}}
	verdicts := []slo.Verdict{} // [] in the file, not null
	if len(question.Rows) > 0 {
		var err error
		if verdicts, err = runs.Answer(question, nil); err != nil {
			return nil, err
		}
	}
	m := k.manifest(question)
	m.Failure = unmet(verdicts)
	view := reports.NewDrawnView(drawing, k.run, measurement.Window, observer.Times(), verdicts, m)
	if err := k.write(m, measurement.Window, verdicts, view); err != nil {
		return nil, err
	}
	dir, err := k.folder.Publish()
	return &Kept{dir, view.Target, view.Outcome, view.Headline, verdicts, harness.WarningTexts(k.run.Warnings)}, err
}

// records hands the records to the archive.
func (k *keeping) records(to harness.Sink) error {
	good := metric.GoodRequest(k.asked.Good)
	for r, err := range k.of.Records() {
		if err != nil {
			return err
		}
		r.Good = r.Good && good(&r)
		if err := to.Record(r); err != nil {
			return err
		}
	}
	return nil
}

// manifest is run.json.
func (k *keeping) manifest(question store.Asked) store.Manifest {
	m := store.NewManifest(k.folder.Run(), k.run)
	m.Host = store.Host{} // of the other tool's client nothing is known
	m.Scenario.Load, m.Scenario.LoadData = k.of.Load, nil
	m.Scenario.Dataset, m.Scenario.DatasetData = "", nil // and of what was asked
	m.Server = store.Server{Kind: "a server whose address the files do not have", Origin: store.AtURL, URL: k.of.URL, Model: k.of.Model}
	m.Judged = []store.Asked{}
	if len(question.Rows) > 0 {
		m.Judged = append(m.Judged, question)
	}
	return m
}

// write writes the files of the run.
func (k *keeping) write(m store.Manifest, window *measure.Window, verdicts []slo.Verdict, view reports.View) error {
	labels := maps.Clone(k.run.Scenario.Labels)
	if unsound := slo.Audit(window); unsound != nil {
		labels["unsound"] = unsound[0].Text
	}
	var page bytes.Buffer
	err := reports.Render(&page, view)
	return errors.Join(err, k.folder.WriteJSON("run.json", m), k.folder.WriteJSON("verdicts.json", verdicts), k.folder.WriteFile("report.html", page.Bytes()),
		k.folder.WriteFile("bench.txt", store.Bench(k.run.Scenario.Name, labels, store.Measured{Requests: window.Requests(), Figures: window.Comparable(nil)})))
}

// unmet is why the objectives are not met; "" where they are.
func unmet(verdicts []slo.Verdict) string {
	var rows []string
	for _, v := range verdicts {
		if v.Outcome != slo.Met {
			rows = append(rows, v.Sentence())
		}
	}
	if len(rows) == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d objectives are not met: %s", len(rows), len(verdicts), strings.Join(rows, "; "))
}
