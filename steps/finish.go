package steps

import (
	"errors"
	"fmt"
	"path/filepath"

	"bytes"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

// finish writes what a run leaves behind, whatever its outcome was.
func (w *world) finish(cause error) error {
	if w.folder == nil || w.run == nil {
		return nil
	}
	manifest := w.manifest(cause)
	figures := slo.Figures(w.run)
	n := 0
	for range w.run.Records {
		n++
	}
	var page bytes.Buffer
	drawn := reports.Render(&page, reports.NewView(w.run, w.verdicts, manifest))
	err := errors.Join(
		drawn,
		w.folder.WriteJSON("run.json", manifest),
		w.folder.WriteJSON("verdicts.json", w.verdicts),
		w.folder.WriteFile("bench.txt", store.Bench(w.scenario.Name, n, figures, w.scenario.Labels)),
		w.folder.WriteFile("report.html", page.Bytes()),
	)
	path, published := w.folder.Publish()
	if rel, e := filepath.Rel(w.suite.env.Root, path); e == nil {
		path = rel
	}
	fmt.Fprintf(w.suite.output, "    %s\n", filepath.Join(path, "report.html"))
	return errors.Join(err, published)
}
