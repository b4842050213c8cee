// Package disk writes the files that users keep. A file appears whole or not at all: it is
// written beside its place, flushed to the device and then renamed. Neither a kill nor a full
// disk leaves half of one, or costs the file that was there before.
package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A Disk is the part of a file system that writes. A nil Disk is the system's own.
type Disk struct {
	// Fault is asked in each operation, of a write after half of it; an error of it is the
	// operation's. Tests make a disk fail with it, or kill the process there.
	Fault func(op Op, path string) error
}

// An Op is something that a disk does, and that can fail.
type Op string

// The operations.
const (
	Create  Op = "create"
	Write   Op = "write"
	Sync    Op = "sync"
	Close   Op = "close"
	Rename  Op = "rename"
	Mkdir   Op = "mkdir"
	Remove  Op = "remove"
	Look    Op = "look"     // whether there is a file
	SyncDir Op = "sync dir" // makes names survive a loss of power
)

// fault is the error that an operation is to have; nil for none.
func (d *Disk) fault(op Op, path string) error {
	if d == nil || d.Fault == nil {
		return nil
	}
	if err := d.Fault(op, path); err != nil {
		return &fs.PathError{Op: string(op), Path: path, Err: err}
	}
	return nil
}

// Make makes a folder, which must not be there.
func (d *Disk) Make(path string) error {
	if err := d.fault(Mkdir, path); err != nil {
		return err
	}
	return os.Mkdir(path, 0o755)
}

// MakeAll makes a folder, and those above it, where they are not there yet.
func (d *Disk) MakeAll(path string) error {
	if err := d.fault(Mkdir, path); err != nil {
		return err
	}
	return os.MkdirAll(path, 0o755)
}

// There reports whether something has this name. Not to be able to tell is an error.
func (d *Disk) There(path string) (bool, error) {
	if err := d.fault(Look, path); err != nil {
		return false, err
	}
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Rename gives a file, or a folder, another name.
func (d *Disk) Rename(from, to string) error {
	if err := d.fault(Rename, to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// Remove removes a file; one that is not there is no error.
func (d *Disk) Remove(path string) error {
	if err := d.fault(Remove, path); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// RemoveAll removes a folder with all that is in it.
func (d *Disk) RemoveAll(path string) error {
	if err := d.fault(Remove, path); err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// SyncDir flushes the names in a folder to the device, where its file system can do so.
func (d *Disk) SyncDir(path string) error {
	if err := d.fault(SyncDir, path); err != nil {
		return err
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	err = folder.Sync()
	if cannot(err) {
		err = nil
	}
	return errors.Join(err, folder.Close())
}

// cannot reports whether a file system does not know an operation.
func cannot(err error) bool {
	for _, unknown := range []error{errors.ErrUnsupported, syscall.EINVAL, syscall.ENOSYS, syscall.ENOLCK} {
		if errors.Is(err, unknown) {
			return true
		}
	}
	return false
}

// A File is one that is being written.
type File struct {
	disk *Disk
	file *os.File
}

// Create makes a file, or empties it: for what is kept only until something whole takes its
// place. What users keep is written with Begin or Replace.
func (d *Disk) Create(path string) (*File, error) { return d.open(path, os.O_TRUNC) }

func (d *Disk) open(path string, how int) (*File, error) {
	if err := d.fault(Create, path); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|how, 0o644)
	if err != nil {
		return nil, err
	}
	return &File{d, file}, nil
}

// Name is where the file lies.
func (f *File) Name() string { return f.file.Name() }

// Write writes on. What was written before an error stays.
func (f *File) Write(p []byte) (n int, err error) {
	if f.disk == nil || f.disk.Fault == nil {
		return f.file.Write(p)
	}
	if n, err = f.file.Write(p[:len(p)/2]); err != nil {
		return n, err
	}
	if err := f.disk.fault(Write, f.Name()); err != nil {
		return n, err
	}
	more, err := f.file.Write(p[n:])
	return n + more, err
}

// Sync flushes the file to the device, where its file system can do so.
func (f *File) Sync() error {
	if err := f.disk.fault(Sync, f.Name()); err != nil {
		return err
	}
	if err := f.file.Sync(); !cannot(err) {
		return err
	}
	return nil
}

// Close lets go of the file.
func (f *File) Close() error {
	return errors.Join(f.disk.fault(Close, f.Name()), f.file.Close())
}

// beside begins the names of files that are being written. They do not hold the name of what
// they become: that can be as long as a name may be.
const beside = ".part-"

// A Pending file is written beside its place, and takes it when it is whole.
type Pending struct {
	*File
	path string
}

// Begin begins a file that is to have this path. Commit or Abandon must follow.
func (d *Disk) Begin(path string) (*Pending, error) {
	for range 100 {
		file, err := d.open(filepath.Join(filepath.Dir(path), fmt.Sprintf("%s%016x", beside, rand.Uint64())), os.O_EXCL)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, named(path, err)
		}
		return &Pending{file, path}, nil
	}
	return nil, fmt.Errorf("%s: no name beside it is free", path)
}

// named is an error with the path that a file is to have: the one beside it means nothing to
// anybody.
func named(path string, err error) error {
	if of, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: of.Op, Path: path, Err: of.Err}
	}
	if of, ok := errors.AsType[*os.LinkError](err); ok {
		return &fs.PathError{Op: of.Op, Path: path, Err: of.Err}
	}
	return err
}

// Write writes on. What was written before an error stays.
func (p *Pending) Write(data []byte) (int, error) {
	n, err := p.File.Write(data)
	return n, named(p.path, err)
}

// Commit gives the file its path, once all of it is on the device.
func (p *Pending) Commit() error {
	err := errors.Join(p.Sync(), p.Close())
	if err == nil {
		err = p.disk.Rename(p.Name(), p.path)
	}
	if err != nil {
		_ = os.Remove(p.Name())
	}
	return named(p.path, err)
}

// Abandon removes it; what has the path already stays.
func (p *Pending) Abandon() { _ = errors.Join(p.file.Close(), os.Remove(p.Name())) }

// Replace writes a file so that at any moment the old one or the new one is there, whole.
func (d *Disk) Replace(path string, data []byte) error {
	file, err := d.Begin(path)
	if err != nil {
		return err
	}
	if _, err = file.Write(data); err != nil {
		file.Abandon()
		return err
	}
	return file.Commit()
}

// Point makes a link with this path to what has a name in the same folder, in place of the link that was there. Where
// there can be no links, it is a file that holds the name.
func (d *Disk) Point(path, name string) error {
	if err := d.fault(Rename, path); err != nil {
		return err
	}
	link := filepath.Join(filepath.Dir(path), fmt.Sprintf("%s%016x", beside, rand.Uint64()))
	if err := os.Symlink(name, link); err != nil {
		return d.Replace(path, []byte(name+"\n"))
	}
	err := os.Rename(link, path)
	if err != nil {
		_ = os.Remove(link)
	}
	return named(path, err)
}

// Unfinished reports whether a file of this name is one that is being written.
func Unfinished(name string) bool { return strings.HasPrefix(name, beside) }

// Sweep removes from a folder the files that were being written when their process was
// killed. Only who alone writes there may call it.
func (d *Disk) Sweep(folder string) error {
	entries, err := os.ReadDir(folder)
	errs := []error{err}
	for _, entry := range entries {
		if !entry.IsDir() && Unfinished(entry.Name()) {
			errs = append(errs, d.Remove(filepath.Join(folder, entry.Name())))
		}
	}
	return errors.Join(errs...)
}
