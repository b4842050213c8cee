package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Salvage makes a run of what a process left behind that was killed: its folder,
// which is hidden, becomes one like the others, and its manifest says that the
// run is incomplete. It returns where the run is.
func Salvage(hidden string) (string, error) {
	m, _, err := ReadManifest(hidden)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is no run that was cut off: %w", hidden, err)
	}
	if m.Run == "" {
		return "", fmt.Errorf("%s is no run that was cut off: its run.json names none", hidden)
	}
	held, err := lock(hidden)
	if err != nil {
		return "", fmt.Errorf("%s cannot be salvaged: %w", hidden, err)
	}
	defer held.Close()
	folder := &Folder{root: filepath.Dir(hidden), name: m.Run, hidden: hidden}
	if len(m.Trials) > 0 { // it has no requests of its own
		m.Stopped = Incomplete
		if err := errors.Join(folder.WriteJSON("run.json", m), os.Remove(held.Name())); err != nil {
			return "", err
		}
		return folder.Publish()
	}
	a := folder.archive(m.Scenario.Name)
	if err := errors.Join(a.requests.salvage(), a.samples.salvage()); err != nil {
		return "", err
	}
	m.incomplete(a)
	if err := errors.Join(folder.WriteJSON("run.json", m), folder.WriteJSON("verdicts.json", []string{}), os.Remove(held.Name())); err != nil {
		return "", err
	}
	return folder.Publish()
}

// salvage makes the file of the segments and the spool that are there.
func (t *table[T]) salvage() error {
	if _, err := os.Stat(t.path()); err == nil {
		return t.sweep() // it had been written when the end came
	}
	for {
		path := t.segmentPath(len(t.segments))
		if _, err := os.Stat(path); err != nil {
			break
		}
		first, err := firstRow[T](path)
		if err != nil {
			return err
		}
		t.segments = append(t.segments, segment[T]{path, first})
	}
	var err error
	if t.rows, err = unspool[T](t.spoolPath(len(t.segments))); err != nil {
		return err
	}
	return t.close()
}

func firstRow[T any](path string) (first T, err error) {
	err = errors.New("it has no row")
	for row := range lines[T](path, &err) {
		return row, nil
	}
	return first, fmt.Errorf("%s: %w", path, err)
}

// sweep removes what led to the file.
func (t *table[T]) sweep() error {
	entries, err := os.ReadDir(t.dir)
	errs := []error{err}
	for _, entry := range entries {
		if name := entry.Name(); strings.HasPrefix(name, t.name) && name != filepath.Base(t.path()) {
			errs = append(errs, os.Remove(filepath.Join(t.dir, name)))
		}
	}
	return errors.Join(errs...)
}

// unspool reads what was written; a last row that was cut off is left out.
func unspool[T any](path string) (rows []T, err error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for {
		var r T
		rest, there, wrong := nextPacked(raw, any(&r).(packed))
		switch {
		case wrong:
			return nil, fmt.Errorf("%s: row %d is none: the file was damaged, or another version of this program wrote it", path, len(rows)+1)
		case !there:
			return rows, nil
		}
		rows, raw = append(rows, r), rest
	}
}

// Incomplete is why a run that was salvaged ended.
const Incomplete = "the program was killed; what it had written down by then is all there is"

// incomplete fills in what only the end of a run would have told.
func (m *Manifest) incomplete(a *archive) {
	m.Stopped, m.Requests = Incomplete, 0
	for r := range a.Records() {
		m.Requests++
		m.LengthNS = max(m.LengthNS, int64(r.Due), int64(r.Done))
		m.ToNS = max(m.ToNS, int64(r.Due)+1)
	}
	for s := range a.Samples() {
		m.LengthNS = max(m.LengthNS, int64(s.At))
	}
	m.FromNS = m.Scenario.WarmupNS
}
