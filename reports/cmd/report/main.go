// Command report draws the pages of stored runs again, from their files.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/reports"
)

const usage = `usage: go run ./reports/cmd/report reports/out/run=… [reports/out/run=…]

Draws report.html of a stored run again and prints where it is. Several runs are
drawn beside each other, on a page comparison.html beside the first: distributions,
differences with intervals, and what differs in their manifests. A run whose program
was killed lies in a folder that begins with .run=; given that, what there is of it
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
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(path)
}

func draw(dir string) (string, error) {
	salvaged := strings.HasPrefix(filepath.Base(filepath.Clean(dir)), ".run=")
	if salvaged {
		var err error
		if dir, err = store.Salvage(filepath.Clean(dir)); err != nil {
			return "", err
		}
	}
	if m, raw, err := store.ReadManifest(dir); err == nil && len(m.Trials) > 0 {
		return drawWhole(dir, m, raw)
	}
	stored, err := store.Open(dir)
	if err != nil {
		return "", err
	}
	var verdicts []slo.Verdict
	if err := json.Unmarshal(stored.Verdicts, &verdicts); err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Join(dir, "verdicts.json"), err)
	}
	measured := slo.Measure(stored.Run)
	if salvaged { // nobody came to judge it
		verdicts = measured.Judge(stored.Manifest.Scenario.Objectives)
		raw, err := json.MarshalIndent(verdicts, "", "  ")
		if err := errors.Join(err, os.WriteFile(filepath.Join(dir, "verdicts.json"), append(raw, '\n'), 0o644)); err != nil {
			return "", err
		}
	}
	var page bytes.Buffer
	if err := reports.Render(&page, reports.NewView(stored.Run, measured, verdicts, stored.Manifest)); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "report.html")
	return path, os.WriteFile(path, page.Bytes(), 0o644)
}

// drawWhole draws the page of several runs.
func drawWhole(dir string, m store.Manifest, rawVerdicts []byte) (string, error) {
	var verdicts []slo.Verdict
	if err := json.Unmarshal(rawVerdicts, &verdicts); err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Join(dir, "verdicts.json"), err)
	}
	var of trials.Whole
	raw, err := os.ReadFile(filepath.Join(dir, "trials.json"))
	if err == nil {
		err = json.Unmarshal(raw, &of)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Join(dir, "trials.json"), err)
	}
	var page bytes.Buffer
	if err := reports.RenderWhole(&page, reports.NewWhole(of, verdicts, m)); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "report.html")
	return path, os.WriteFile(path, page.Bytes(), 0o644)
}
