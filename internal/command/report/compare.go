package report

import (
	"bytes"
	"path/filepath"
	"strings"

	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/reports"
)

// most runs that one page compares: there are no more colours to tell them by.
const most = 8

// compare draws stored runs beside each other, into the folder that holds the first.
func compare(dirs []string) (string, error) {
	if len(dirs) > most {
		return "", command.Mistakef("%d runs are too many for one page; give at most %d", len(dirs), most)
	}
	var runs []reports.Measured
	for _, dir := range dirs {
		if m, _, err := store.ReadManifest(dir); err == nil && len(m.Trials) > 0 {
			return "", command.Mistakef("%s is several runs together; give those to be compared: %s", dir, strings.Join(beside(dir, m.Trials), " "))
		}
		r, err := judge.Read(dir)
		if err != nil {
			return "", err
		}
		runs = append(runs, reports.Measured{Manifest: r.Manifest, Verdicts: r.Verdicts, Window: r.Window})
	}
	var page bytes.Buffer
	if err := reports.RenderComparison(&page, reports.NewComparison(runs)); err != nil {
		return "", err
	}
	folder, system := filepath.Dir(filepath.Clean(dirs[0])), new(disk.Disk)
	path := filepath.Join(folder, "comparison.html")
	return path, system.Exclusive(folder, func() error { return system.Replace(path, page.Bytes()) })
}

// beside are folders that lie where another does.
func beside(dir string, names []string) (out []string) {
	for _, name := range names {
		out = append(out, filepath.Join(filepath.Dir(filepath.Clean(dir)), name))
	}
	return out
}
