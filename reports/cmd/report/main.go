// Command report draws the pages of stored runs again, from their files.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/internal/plain"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/chart"
)

const usage = `usage: go run ./reports/cmd/report reports/out/run=… [reports/out/run=…]

Judges a stored run again from its files, draws its report.html again and prints where
it is. Verdicts other than those that are stored are an error. Several runs are
drawn beside each other, on a page comparison.html beside the first: distributions,
differences with intervals, and what differs in their manifests. A run whose program
was killed, or could not write all of it, lies in a folder that begins with .run=; given that, what there is of it
becomes a run like the others, whose report says that it is incomplete.`

func main() {
	if len(os.Args) < 2 || os.Args[1] == "-h" || os.Args[1] == "--help" {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	var path string
	var err error
	if len(os.Args) > 2 {
		path, err = compare(os.Args[1:])
	} else {
		path, err = draw(os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, plain.Lines(err.Error()))
		os.Exit(1)
	}
	fmt.Println(plain.Line(path))
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
