// Package report draws the pages of stored runs again, from their files.
package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/internal/bucket"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/transfer"
	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/internal/plain"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// Command draws the page of one run.
func Command() command.Command {
	return command.Command{Name: "report", Usage: "RUN…", Run: run,
		Does: "judges stored runs again, and draws their pages",
		Example: `vllmspec report reports/out/run=20261123T221503Z-chat
			vllmspec report reports/out/.run=20261123T221503Z-chat    # it was killed
			vllmspec report s3://bucket/ci/run=20261123T221503Z-chat  # downloaded first`}
}

// CompareCommand draws several runs on one page.
func CompareCommand() command.Command {
	return command.Command{Name: "compare", Usage: "RUN RUN…", Run: runCompare,
		Does:    "draws stored runs beside each other",
		Example: "vllmspec compare reports/out/run=A reports/out/run=B"}
}

// run draws each page. Verdicts other than those that are stored are an error. A run whose program was killed, or
// could not write all of it, lies in a folder that begins with .run=; what there is of it becomes a run like the
// others, whose report says that it is incomplete.
func run(call *command.Call) error {
	dirs, err := call.Flags().Read()
	if err != nil {
		return err
	}
	if len(dirs) == 0 {
		return command.Mistakef("it takes the folder of a run: vllmspec report reports/out/run=…")
	}
	if dirs, err = stored(call, dirs); err != nil {
		return err
	}
	for _, dir := range dirs {
		path, err := draw(dir)
		if err != nil {
			return err
		}
		fmt.Fprintln(call.Out, plain.Line(path))
	}
	return nil
}

// stored are the folders of runs that were given, as they count from the working directory. One that holds no run is a
// mistake; what a killed run left may be anything. Those in a bucket are downloaded.
func stored(call *command.Call, dirs []string) (paths []string, err error) {
	for _, dir := range dirs {
		if bucket.IsAddress(dir) {
			path, err := transfer.Fetch(call, dir)
			if err != nil {
				return nil, err
			}
			paths = append(paths, path)
			continue
		}
		path := call.Path(dir)
		holds := filepath.Join(path, "run.json")
		if strings.HasPrefix(filepath.Base(path), ".run=") {
			holds = path
		}
		if _, err := os.Stat(holds); err != nil {
			return nil, command.Mistakef("%s is no stored run; those of the last vllmspec test or go test are reports/out/run=…", dir)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func runCompare(call *command.Call) error {
	dirs, err := call.Flags().Read()
	if err != nil {
		return err
	}
	if len(dirs) < 2 {
		return command.Mistakef("it takes the folders of two runs or more: vllmspec compare reports/out/run=A reports/out/run=B")
	}
	if dirs, err = stored(call, dirs); err != nil {
		return err
	}
	path, err := compare(dirs)
	if err != nil {
		return err
	}
	fmt.Fprintln(call.Out, plain.Line(path))
	return nil
}

// draw draws the page of a run, or of several of one scenario. Its verdicts are those
// that the run's files give.
func draw(dir string) (string, error) {
	if dir = filepath.Clean(dir); strings.HasPrefix(filepath.Base(dir), ".run=") {
		var err error
		if dir, err = judge.Salvage(dir); err != nil {
			return "", err
		}
	}
	var drawing *chart.Drawing
	r, err := judge.Read(dir, func(run *harness.Run) harness.Consumer {
		drawing = chart.NewDrawing(run.Requests, chart.Full())
		return drawing
	})
	if err != nil {
		return "", err
	}
	var page bytes.Buffer
	if r.Group != nil {
		err = reports.RenderGroup(&page, reports.NewGroup(*r.Group, r.Verdicts, r.Manifest))
	} else {
		err = reports.Render(&page, reports.NewDrawnView(drawing, r.Run, r.Window, r.Times, r.Verdicts, r.Manifest))
	}
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "report.html")
	return path, new(disk.Disk).Replace(path, page.Bytes())
}
