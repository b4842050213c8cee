package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/disk"
)

// A Judge gives the verdicts of the run in a folder, as verdicts.json is to have them.
type Judge func(dir string) (verdicts any, err error)

// Salvage makes a run of what a process left behind that was killed, or could not write all of
// it: its folder, which is hidden, becomes one like the others, and its manifest says
// that it is incomplete. What is left is judged; where judge is nil, or fails, the run has
// no verdicts. It returns where the run is. A run that still goes on is left alone.
func Salvage(hidden string, judge Judge) (string, error) { return SalvageOn(nil, hidden, judge) }

// SalvageOn is Salvage on a disk.
func SalvageOn(d *Disk, hidden string, judge Judge) (string, error) {
	f := &Folder{disk: d, root: filepath.Dir(hidden), name: strings.TrimPrefix(filepath.Base(hidden), "."), hidden: hidden}
	if there, err := d.There(filepath.Join(hidden, "run.json")); err == nil && !there {
		return "", fmt.Errorf("%s is no run that was cut off: it has no run.json, and so its load never began", hidden)
	}
	var err error
	if f.lock, err = d.Lock(filepath.Join(hidden, lockName)); errors.Is(err, disk.ErrHeld) {
		return "", fmt.Errorf("%s cannot be salvaged: its run is still going on", hidden)
	} else if err != nil {
		return "", fmt.Errorf("%s cannot be salvaged: %w", hidden, err)
	}
	defer func() { _ = f.lock.RemoveFrom(hidden) }()
	m, err := f.manifest()
	if err != nil {
		return "", err
	}
	if err := f.complete(m); err != nil {
		return "", err
	}
	unjudged := f.judged(judge)
	path, err := f.Publish()
	return path, errors.Join(err, unjudged)
}

// manifest is that of a run that was cut off. Its run.json may come from anywhere: it does not
// decide where the folder goes, and must name the folder that it lies in.
func (f *Folder) manifest() (Manifest, error) {
	m, _, err := ReadManifest(f.hidden)
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || m.Run == "") {
		return m, fmt.Errorf("%s is no run that was cut off: %w", f.hidden, err)
	}
	if m.Run != f.name || !IsRun(f.name) {
		return m, fmt.Errorf("%s is no run that was cut off: its run.json is that of %q", f.hidden, m.Run)
	}
	for _, part := range m.Trials {
		if !IsRun(part) {
			return m, fmt.Errorf("%s: run.json: %q is no name of a run", f.hidden, part)
		}
		if there, err := f.disk.There(filepath.Join(f.root, "."+part)); err == nil && there {
			return m, fmt.Errorf("%s is a group of several runs, one of which comes first: %s", f.hidden, Salvaging(filepath.Join(f.root, "."+part)))
		}
	}
	return m, nil
}

// complete writes the files that are not there yet, and removes what was half written.
func (f *Folder) complete(m Manifest) error {
	if err := f.disk.Sweep(f.hidden); err != nil {
		return err
	}
	var a *archive
	if len(m.Trials) == 0 { // several runs together have no requests of their own
		a = f.archive(m.Scenario.Name)
		if err := errors.Join(a.requests.salvage(), a.samples.salvage()); err != nil {
			return err
		}
	}
	m.Stopped = harness.Stop{Kind: harness.StopKilled}
	if a != nil {
		m.incomplete(a)
	}
	return f.WriteJSON("run.json", m)
}

// judged writes verdicts.json.
func (f *Folder) judged(judge Judge) error {
	var verdicts any = []string{}
	var unjudged error
	if judge != nil {
		given, err := judge(f.hidden)
		if unjudged = err; err == nil {
			verdicts = given
		}
	}
	return errors.Join(f.WriteJSON("verdicts.json", verdicts), unjudged)
}

// salvage makes the file of the segments and the spool that are there.
func (t *table[T]) salvage() error {
	if there, err := t.disk.There(t.path()); err != nil {
		return err
	} else if there {
		return t.sweep() // it had been written when the end came
	}
	for {
		path := t.segmentPath(len(t.segments))
		if there, err := t.disk.There(path); err != nil {
			return err
		} else if !there {
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
			errs = append(errs, t.disk.Remove(filepath.Join(t.dir, name)))
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
	return unpacked[T](path, raw)
}

// unpacked are the rows of a spool.
func unpacked[T any](path string, raw []byte) (rows []T, err error) {
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

// incomplete fills in what is known only at the end of a run.
func (m *Manifest) incomplete(a *archive) {
	m.Requests = 0
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

// Clean removes hidden folders that processes left behind which were killed before a load
// began: nothing is in them. What of them cannot be removed is left.
func Clean(d *Disk, root string) {
	entries, _ := os.ReadDir(root)
	for _, entry := range entries {
		hidden := filepath.Join(root, entry.Name())
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), ".run=") || holdsSomething(hidden) {
			continue
		}
		if lock, err := d.Lock(filepath.Join(hidden, lockName)); err == nil {
			if lock.Holds() && !holdsSomething(hidden) { // without locks its process may live
				_ = lock.RemoveFrom(hidden)
				_ = d.RemoveAll(hidden)
			}
			lock.Release()
		}
	}
}

// holdsSomething reports whether a run could be made of a folder, or whether requests are in it.
func holdsSomething(hidden string) bool {
	entries, err := os.ReadDir(hidden)
	return err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		kind := filepath.Ext(e.Name())
		return e.Name() == "run.json" || kind == ".parquet" || kind == ".spool"
	})
}
