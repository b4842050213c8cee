// Package store is a run on disk: Parquet files that any tool reads, the
// manifest, the verdicts and benchmark lines.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/disk"
)

// A Folder is a run that is being written. It lies hidden beside the others, and is locked, until
// it is published whole.
type Folder struct {
	disk               *Disk
	root, name, hidden string
	lock               *disk.Lock // held until the run is published: it cannot be taken from a living process
	published          bool
	measured           bool  // all requests and samples are in their files
	lost               bool  // some of them are nowhere
	unwritten          error // the first thing that could not be written; then it stays hidden

	// Clean is the last look at each file that is written, by its name; nil for none.
	Clean func(name string, data []byte) []byte
}

// lockName is the file that tells a run that goes on from one whose process was killed.
const lockName = "lock"

// mostOfAName is how many runs of one name there can be.
const mostOfAName = 10_000

// Create begins a run under root. A name that is taken gets a number.
func Create(root, name string) (*Folder, error) { return CreateOn(nil, root, name) }

// CreateOn is Create on a disk.
func CreateOn(d *Disk, root, name string) (*Folder, error) {
	if err := d.MakeAll(root); err != nil {
		return nil, cannotStore(root, err)
	}
	unique := name
	for i := 2; i < mostOfAName; i++ {
		f, err := claim(d, root, unique)
		if f != nil || err != nil {
			return f, err
		}
		unique = fmt.Sprintf("%s-%d", name, i)
	}
	return nil, cannotStore(root, fmt.Errorf("there are %d runs called %s", mostOfAName, name))
}

func cannotStore(root string, err error) error {
	return fmt.Errorf("runs cannot be stored in %s: %w", root, err)
}

// claim makes the folder of a name; nil where the name is taken.
func claim(d *Disk, root, name string) (*Folder, error) {
	f := &Folder{disk: d, root: root, name: name, hidden: filepath.Join(root, "."+name)}
	if err := d.Make(f.hidden); errors.Is(err, fs.ErrExist) {
		return nil, nil // who makes it has the name
	} else if err != nil {
		return nil, cannotStore(root, err)
	}
	taken, err := d.There(f.Path()) // now, since another may have published it just before
	if err == nil && !taken {
		f.lock, err = d.Lock(filepath.Join(f.hidden, lockName))
	}
	switch {
	case errors.Is(err, disk.ErrHeld), errors.Is(err, fs.ErrNotExist):
		return nil, nil // another process took the empty folder for one that was left
	case taken:
		_ = d.RemoveAll(f.hidden) // it is empty: what cannot be removed now, Clean removes later
		return nil, nil
	case err != nil:
		return nil, cannotStore(root, errors.Join(err, d.RemoveAll(f.hidden)))
	}
	return f, nil
}

// Run is the run's name.
func (f *Folder) Run() string { return f.name }

// Path is where the run will be once it is published.
func (f *Folder) Path() string { return filepath.Join(f.root, f.name) }

// WriteJSON writes a file of the run as indented JSON.
func (f *Folder) WriteJSON(name string, v any) error {
	raw, err := JSON(v)
	if err != nil {
		return f.Failed(fmt.Errorf("%s: %w", name, err))
	}
	return f.WriteFile(name, raw)
}

// JSON is a value as the files of a run have it.
func JSON(v any) ([]byte, error) {
	raw, err := json.MarshalIndent(v, "", "  ")
	return append(raw, '\n'), err
}

// WriteFile writes a file of the run.
func (f *Folder) WriteFile(name string, data []byte) error {
	if f.Clean != nil {
		data = f.Clean(name, data)
	}
	return f.Failed(f.disk.Replace(filepath.Join(f.hidden, name), data))
}

// Begin writes the manifest as it is before the load: that of a run whose program was killed.
// Until the end of the run says otherwise, that is what it is.
func (f *Folder) Begin(m Manifest) error {
	m.Stopped = harness.Stop{Kind: harness.StopKilled}
	return f.WriteJSON("run.json", m)
}

// Failed notes that a part of the run could not be written, unless the error is nil, and returns
// it. Such a run is not published.
func (f *Folder) Failed(err error) error {
	if f.unwritten == nil {
		f.unwritten = first(err)
	}
	return err
}

// first is the first of errors that were joined: the others mostly follow from it.
func first(err error) error {
	for {
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok || len(joined.Unwrap()) == 0 {
			return err
		}
		err = joined.Unwrap()[0]
	}
}

// Measured reports whether all that was measured is in the run's files: it can be judged again,
// also where other files could not be written.
func (f *Folder) Measured() bool { return f.measured }

// Unwritten is why the run will not be published; nil where all was written so far.
func (f *Folder) Unwritten() error { return f.unwritten }

// Publish makes the run appear, whole, and returns where it is. Where not all of it could be
// written it stays hidden, and the error is an [Unstored] one.
func (f *Folder) Publish() (string, error) {
	if f.unwritten == nil {
		_ = f.Failed(f.disk.SyncDir(f.hidden))
	}
	if f.unwritten == nil {
		_ = f.Failed(f.disk.Rename(f.hidden, f.Path()))
	}
	if f.unwritten != nil {
		return f.hidden, f.unpublished()
	}
	f.published = true
	return f.Path(), errors.Join(f.lock.RemoveFrom(f.Path()), f.disk.SyncDir(f.root))
}

// unpublished lets go of what cannot be published, and says what there is of it.
func (f *Folder) unpublished() error {
	_ = f.lock.RemoveFrom(f.hidden)
	there, err := f.disk.There(f.hidden)
	gone := err == nil && !there
	if f.lost {
		_ = f.disk.RemoveAll(f.hidden)
	}
	return &Unstored{Hidden: f.hidden, Why: f.unwritten, Lost: f.lost || gone}
}

// An Unstored is the error of a run that is not among the others, since something of it could
// not be written.
type Unstored struct {
	Hidden string // its folder
	Why    error
	Lost   bool // nothing is in it that a run could be made of
}

// Error says what failed, and how to get at what was measured.
func (u *Unstored) Error() string {
	if u.Lost {
		return fmt.Sprintf("the run could not be stored, and what it measured is lost (%v); run it again once %s can be written", u.Why, filepath.Dir(u.Hidden))
	}
	return fmt.Sprintf("not all of the run could be stored (%v); what it measured is in %s: once that can be written, this makes a run of it: %s", u.Why, u.Hidden, Salvaging(u.Hidden))
}

// Unwrap is what failed.
func (u *Unstored) Unwrap() error { return u.Why }

// Salvaging is the command that makes a run of a folder that was not published.
func Salvaging(hidden string) string {
	return "go run github.com/vllmspec/vllmspec/cmd/vllmspec report " + ShellQuoted(hidden)
}

// where the run is now.
func (f *Folder) where() string {
	if f.published {
		return f.Path()
	}
	return f.hidden
}

// Leave lets go of a run that is not published, as the end of its process does.
func (f *Folder) Leave() { f.lock.Release() }

// Discard removes a run that never began.
func (f *Folder) Discard() error {
	_ = f.lock.RemoveFrom(f.hidden) // an open file keeps its folder, on some network mounts
	return f.disk.RemoveAll(f.hidden)
}
