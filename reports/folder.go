package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
)

// keptEntries is the file beside the runs in which their lines of the list are kept, with what
// their files looked like then: only runs that are new, or have changed, are read.
const keptEntries = ".index.json"

// entriesVersion is raised when an Entry is made in another way.
const entriesVersion = 2

type entriesFile struct {
	Version int         `json:"version"`
	Runs    []keptEntry `json:"runs"`
}

// A keptEntry is a run, and its line; no line for one that cannot be read.
type keptEntry struct {
	Name  string       `json:"name"`
	Looks string       `json:"looks"`
	Of    string       `json:"of,omitempty"` // the run group that it is one of
	Entry *storedEntry `json:"entry,omitempty"`
}

// A storedEntry is an Entry as it is kept.
type storedEntry struct {
	Entry
	Objective harness.Objective `json:"objective"`
	Figure    string            `json:"figure"`
	Value     *float64          `json:"value,omitempty"` // absent where there is none
}

// stored is the entry as it is kept.
func (e Entry) stored() *storedEntry {
	s := &storedEntry{Entry: e, Objective: e.objective, Figure: e.figure}
	if finite(e.value) {
		s.Value = &e.value
	}
	return s
}

// entry is the stored one as it was.
func (s *storedEntry) entry() Entry {
	e := s.Entry
	e.objective, e.figure, e.value = s.Objective, s.Figure, math.NaN()
	if s.Value != nil {
		e.value = *s.Value
	}
	return e
}

// WriteIndex writes index.html, the list of the runs in a folder. One that cannot be read is
// left out: a broken run of last year must not fail the one of today.
func WriteIndex(folder string) error { return WriteIndexOn(nil, folder) }

// WriteIndexOn is WriteIndex on a disk.
func WriteIndexOn(d *store.Disk, folder string) error {
	return d.Exclusive(folder, func() error { return writeIndex(d, folder) }) // or one that ended earlier lists fewer
}

func writeIndex(d *store.Disk, folder string) error {
	names, err := store.Names(folder)
	if err != nil {
		return err
	}
	known := map[string]keptEntry{}
	for _, run := range readEntries(folder).Runs {
		known[run.Name] = run
	}
	runs, changed := entriesOf(folder, names, known)
	if changed || len(known) != len(runs) {
		raw, err := json.Marshal(entriesFile{entriesVersion, runs})
		if err == nil {
			err = d.Replace(filepath.Join(folder, keptEntries), raw)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", keptEntries, err)
		}
	}
	listed := map[string]bool{}
	for _, name := range names {
		listed[name] = true
	}
	var entries []Entry
	for _, run := range runs {
		if run.Entry != nil && !listed[run.Of] {
			entries = append(entries, run.Entry.entry()) // of a trial, the run group is in the list
		}
	}
	var page bytes.Buffer
	return errors.Join(Index(&page, entries), d.Replace(filepath.Join(folder, "index.html"), page.Bytes()))
}

// readEntries are the lines that were kept; none where they cannot be read.
func readEntries(folder string) (kept entriesFile) {
	raw, err := os.ReadFile(filepath.Join(folder, keptEntries))
	if err == nil {
		err = json.Unmarshal(raw, &kept)
	}
	if err != nil || kept.Version != entriesVersion {
		return entriesFile{}
	}
	return kept
}

// entriesOf are the lines of runs, in their order, and whether one of them was read anew.
func entriesOf(folder string, names []string, known map[string]keptEntry) (runs []keptEntry, changed bool) {
	runs = make([]keptEntry, len(names))
	anew := make([]bool, len(names))
	var wait sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for first := range workers {
		wait.Go(func() {
			for i := first; i < len(names); i += workers {
				dir := filepath.Join(folder, names[i])
				looks := looksOf(dir)
				if run, found := known[names[i]]; found && run.Looks == looks {
					runs[i] = run
					continue
				}
				runs[i], anew[i] = newKeptEntry(dir, names[i], looks), true
			}
		})
	}
	wait.Wait()
	return runs, slices.Contains(anew, true)
}

// newKeptEntry reads a run.
func newKeptEntry(dir, name, looks string) keptEntry {
	run := keptEntry{Name: name, Looks: looks}
	manifest, raw, err := store.ReadManifest(dir)
	var verdicts []slo.Verdict
	if manifest.Trial != nil {
		run.Of = manifest.Trial.Of
	}
	if err == nil && json.Unmarshal(raw, &verdicts) == nil {
		manifest.Run = name // which links to it, whatever its file says
		run.Entry = NewEntry(manifest, verdicts).stored()
	}
	return run
}

// looksOf is what tells that the files of a run have changed: their sizes and times.
func looksOf(dir string) string {
	looks := ""
	for _, name := range []string{"run.json", "verdicts.json"} {
		info, err := os.Stat(filepath.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			looks += "none "
		case err != nil:
			looks += "unknown "
		default:
			looks += fmt.Sprintf("%d %d ", info.Size(), info.ModTime().UnixNano())
		}
	}
	return looks
}
