package ci

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/disk"
)

// A Folder is the output folder, as far as several go tests at once write to it.
type Folder struct {
	disk    *store.Disk
	path    string
	session Session
	alive   *disk.Lock // tells the others that this process runs

	Redact func(name string, data []byte) []byte // the last look at each file that is written, by its name; nil for none
}

// A keptFile is what is in keptResults: the session that runs, and those beside it.
type keptFile struct {
	Count    int        `json:"count"` // of sessions that began or ended
	Sessions []*results `json:"sessions"`
}

// runningName begins the names of the files that test processes lock as long as they live.
const runningName = ".running-"

// Begin removes what an earlier go test left for CI systems, and what killed ones left
// half written, and says that this process runs tests.
func Begin(d *store.Disk, path string, s Session) (*Folder, error) {
	f := &Folder{disk: d, path: path, session: s}
	if err := d.MakeAll(path); err != nil {
		return f, f.notWritten(err)
	}
	err := d.Exclusive(path, func() (err error) {
		if f.alive, f.session.Lock, err = f.live(); err != nil {
			return err
		}
		if err := f.clean(); err != nil {
			return err
		}
		kept := f.read()
		own := kept.begin(f.session)
		own.end(f.session)
		own.Running = append(own.Running, f.session)
		return f.keep(kept)
	})
	return f, f.notWritten(err)
}

// live locks a file of this process.
func (f *Folder) live() (*disk.Lock, string, error) {
	name := fmt.Sprintf("%s%016x", runningName, rand.Uint64())
	lock, err := f.disk.Lock(filepath.Join(f.path, name))
	return lock, name, err
}

// isAlive reports whether a process runs. On a file system without locks that is unknown.
func (f *Folder) isAlive(s Session) bool {
	path := filepath.Join(f.path, filepath.Base(s.Lock))
	if there, err := f.disk.There(path); s.Lock == "" || err != nil || !there {
		return false
	}
	if s.Lock == f.session.Lock {
		return true
	}
	lock, err := f.disk.Lock(path)
	_ = lock.RemoveFrom(f.path)
	return errors.Is(err, disk.ErrHeld)
}

// clean removes what belongs to no process: the results of earlier go tests, files that were half written, and the
// marks of processes that were killed. The lock of the folder is held.
func (f *Folder) clean() error {
	errs := []error{f.disk.Sweep(f.path)}
	for _, name := range resultNames() {
		errs = append(errs, f.disk.Remove(filepath.Join(f.path, name)))
	}
	store.Clean(f.disk, f.path)
	entries, err := os.ReadDir(f.path)
	alone := true
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), runningName) && entry.Name() != f.session.Lock {
			alone = !f.isAlive(Session{Lock: entry.Name()}) && alone
		}
	}
	for _, entry := range entries {
		if alone && f.alive.Holds() && strings.HasPrefix(entry.Name(), cucumberName) {
			errs = append(errs, f.disk.Remove(filepath.Join(f.path, entry.Name())))
		}
	}
	return errors.Join(append(errs, err)...)
}

// notWritten says that no results can be written, before there are any.
func (f *Folder) notWritten(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("results cannot be written to %s; set VLLMSPEC_OUT to a folder that can be written: %w", f.path, err)
}

// read reads what is kept, without sessions that have nothing to do with those that run.
func (f *Folder) read() *keptFile {
	kept := new(keptFile)
	raw, err := os.ReadFile(filepath.Join(f.path, keptResults))
	if err != nil || json.Unmarshal(raw, kept) != nil {
		kept = new(keptFile)
	}
	kept.Sessions = slices.DeleteFunc(kept.Sessions, func(r *results) bool { return r == nil })
	kept.forget(f.session, f.isAlive)
	return kept
}

// forget leaves the session of a process, those that run, and those that ended while one of
// these ran.
func (k *keptFile) forget(own Session, alive func(Session) bool) {
	running := map[*results]bool{}
	for _, r := range k.Sessions {
		running[r] = r.Session == own.ID || slices.ContainsFunc(r.Running, alive)
	}
	k.Sessions = slices.DeleteFunc(k.Sessions, func(r *results) bool {
		beside := func(other *results) bool { return running[other] && r.Ended > other.Began }
		return !running[r] && !slices.ContainsFunc(k.Sessions, beside)
	})
}

// begin is the session of a process that begins.
func (k *keptFile) begin(s Session) *results {
	k.Count++
	own := k.of(s)
	own.Began, own.Ended = cmp.Or(own.Began, k.Count), 0
	return own
}

// of is the session of a process.
func (k *keptFile) of(s Session) *results {
	for _, r := range k.Sessions {
		if r.Session == s.ID {
			return r
		}
	}
	k.Sessions = append(k.Sessions, &results{Session: s.ID})
	return k.Sessions[len(k.Sessions)-1]
}

func (f *Folder) keep(kept *keptFile) error {
	raw, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return f.replace(keptResults, raw)
}

// End adds what the process ran, and writes junit.xml and the other files of the session
// unless another process of it still runs, which will: one that is killed must leave none. They
// hold the results of go tests that ran at the same time too, as far as there are any.
func (f *Folder) End(ran Results, cucumber []CucumberFeature) error {
	err := f.disk.Exclusive(f.path, func() error {
		kept := f.read()
		own := kept.of(f.session)
		own.end(f.session)
		own.add(f.session, ran, cucumber)
		if len(own.Running) == 0 {
			kept.Count++
			own.Ended = kept.Count
		}
		if err := f.keep(kept); err != nil || len(own.Running) > 0 {
			return err
		}
		return f.write(kept.beside(own))
	})
	return f.notWritten(errors.Join(err, f.alive.RemoveFrom(f.path)))
}

// beside are the results of a session that has ended, and of those that ran at the same time.
func (k *keptFile) beside(own *results) *results {
	all := new(results)
	for _, r := range k.Sessions {
		if r != own && r.Ended > 0 && r.Ended < own.Began {
			continue
		}
		all.Scenarios, all.Left = append(all.Scenarios, r.Scenarios...), append(all.Left, r.Left...)
		all.Refused, all.Files = append(all.Refused, r.Refused...), append(all.Files, r.Files...)
	}
	return all
}

// write leaves the files that CI systems read.
func (f *Folder) write(r *results) error {
	all := r.all()
	junit, err := JUnit(all)
	if err != nil {
		return err
	}
	features := []CucumberFeature{}
	for _, of := range r.Files {
		features = append(features, of.Feature)
	}
	cucumber, err := json.MarshalIndent(features, "", "  ")
	if err != nil {
		return err
	}
	texts := map[string][]byte{"junit.xml": junit, "cucumber.json": cucumber, "summary.md": []byte(Summary(all)), "badge.svg": []byte(badge(all))}
	var errs []error
	for _, name := range resultNames() {
		errs = append(errs, f.replace(name, texts[name]))
	}
	return errors.Join(errs...)
}

func (f *Folder) replace(name string, data []byte) error {
	if f.Redact != nil {
		data = f.Redact(name, data)
	}
	return f.disk.Replace(filepath.Join(f.path, name), data)
}
