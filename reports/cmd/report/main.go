// Command report draws the pages of stored runs again, from their files.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

const usage = `usage: go run ./reports/cmd/report reports/out/run=…

Draws report.html of a stored run again and prints where it is.`

func main() {
	if len(os.Args) != 2 || os.Args[1] == "-h" || os.Args[1] == "--help" {
		fmt.Fprintln(os.Stderr, usage)
		if len(os.Args) > 2 {
			fmt.Fprintln(os.Stderr, "\nThis version compares no runs; give one.")
		}
		os.Exit(2)
	}
	path, err := draw(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(path)
}

func draw(dir string) (string, error) {
	stored, err := store.Open(dir)
	if err != nil {
		return "", err
	}
	var verdicts []slo.Verdict
	if err := json.Unmarshal(stored.Verdicts, &verdicts); err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Join(dir, "verdicts.json"), err)
	}
	var page bytes.Buffer
	if err := reports.Render(&page, reports.NewView(stored.Run, slo.Figures(stored.Run), verdicts, stored.Manifest)); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "report.html")
	return path, os.WriteFile(path, page.Bytes(), 0o644)
}
