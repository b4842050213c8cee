package reports

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/history"
	"github.com/vllmspec/vllmspec/harness/store"
)

// Bounds of the list: how many runs it shows, and how long the end of a go test may take to enter runs
// that the index of the folder does not have.
const (
	listedMost = 500
	enterMost  = 5 * time.Second
)

// A storedEntry is an Entry as the index keeps it.
type storedEntry struct {
	Entry
	Objective harness.Objective `json:"objective"`
	Figure    string            `json:"figure"`
	Value     *float64          `json:"value,omitempty"` // absent where there is none
}

// stored is the entry as it is kept.
func (e Entry) stored() json.RawMessage {
	s := storedEntry{Entry: e, Objective: e.objective, Figure: e.figure}
	if finite(e.value) {
		s.Value = &e.value
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil // it is drawn as one that cannot be read
	}
	return raw
}

// entryOf is the line of a run that was kept; false for one that another version kept.
func entryOf(run *history.Run) (Entry, bool) {
	var s storedEntry
	if json.Unmarshal(run.Entry, &s) != nil || s.Scenario == "" && s.Link == "" {
		return Entry{}, false
	}
	e := s.Entry
	e.objective, e.figure, e.value = s.Objective, s.Figure, math.NaN()
	if s.Value != nil {
		e.value = *s.Value
	}
	return e, true
}

// ReadRun reads a stored run as the history has it, with its line of the list.
func ReadRun(dir string) (*history.Run, error) {
	run, manifest, verdicts, err := history.Read(dir)
	if err != nil {
		return nil, err
	}
	run.Entry = NewEntry(manifest, verdicts).stored()
	return run, nil
}

// WriteIndex writes index.html, the list of the runs in a folder. One that cannot be read is
// left out: a broken run of last year must not fail the one of today.
func WriteIndex(folder string) error {
	_, err := WriteIndexOn(nil, folder)
	return err
}

// WriteIndexOn is WriteIndex on a disk. The warning says, in a sentence, what keeps the index of the folder
// from being used: the list is that of the newest runs then.
func WriteIndexOn(d *store.Disk, folder string) (warning, err error) {
	err = d.Exclusive(folder, func() (err error) { // or one that ended earlier lists fewer
		warning, err = writeIndex(d, folder)
		return err
	})
	return warning, err
}

func writeIndex(d *store.Disk, folder string) (warning, err error) {
	ctx := context.Background()
	var list runList
	warning, err = history.Use(ctx, history.Folder{Path: folder, Read: ReadRun}, enterMost, func(h history.History) (err error) {
		list, err = listOf(ctx, h)
		return err
	})
	if err != nil {
		return warning, err
	}
	var page bytes.Buffer
	err = write(&page, index(list))
	return warning, errors.Join(err, d.Replace(filepath.Join(folder, "index.html"), page.Bytes()))
}

// listOf is the list of the runs that a history has.
func listOf(ctx context.Context, h history.History) (list runList, err error) {
	series, err := h.Series(ctx)
	if err != nil {
		return list, err
	}
	for _, of := range series {
		list.Stored += of.Runs
	}
	if list.Scenarios, err = trendsOf(ctx, h, series); err != nil {
		return list, err
	}
	runs, err := h.Runs(ctx, history.Query{Listed: true, Last: listedMost})
	for _, run := range runs {
		if entry, known := entryOf(run); known {
			list.Runs = append(list.Runs, entry)
		}
	}
	return list, err
}
