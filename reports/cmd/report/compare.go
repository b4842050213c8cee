package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

// most runs that one page compares: there are no more colours to tell them by.
const most = 8

// compare draws stored runs beside each other, into the folder that holds the first.
func compare(dirs []string) (string, error) {
	if len(dirs) > most {
		return "", fmt.Errorf("%d runs are too many for one page; give at most %d", len(dirs), most)
	}
	var runs []reports.Measured
	for _, dir := range dirs {
		if m, _, err := store.ReadManifest(dir); err == nil && len(m.Trials) > 0 {
			return "", fmt.Errorf("%s is several runs together; give those to be compared: %s", dir, strings.Join(beside(dir, m.Trials), " "))
		}
		stored, err := store.Open(dir)
		if err != nil {
			return "", err
		}
		var verdicts []slo.Verdict
		if err := json.Unmarshal(stored.Verdicts, &verdicts); err != nil {
			return "", fmt.Errorf("%s: %w", filepath.Join(dir, "verdicts.json"), err)
		}
		runs = append(runs, reports.Measured{Manifest: stored.Manifest, Verdicts: verdicts, Window: slo.Measure(stored.Run)})
	}
	var page bytes.Buffer
	if err := reports.RenderComparison(&page, reports.NewComparison(runs)); err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(filepath.Clean(dirs[0])), "comparison.html")
	return path, os.WriteFile(path, page.Bytes(), 0o644)
}

// beside are folders that lie where another does.
func beside(dir string, names []string) (out []string) {
	for _, name := range names {
		out = append(out, filepath.Join(filepath.Dir(filepath.Clean(dir)), name))
	}
	return out
}
