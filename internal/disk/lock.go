package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// ErrHeld is the error of a lock that another process holds, or another part of this one.
var ErrHeld = errors.New("another process holds it")

// A Lock is a file that one process at a time holds. The system lets go of it when its holder
// ends, however that ends. A nil Lock holds nothing.
type Lock struct {
	disk *Disk
	name string   // "" once it was removed
	file *os.File // nil once it was let go of, and on a file system without locks
}

// Lock takes the lock that a file is, or fails with ErrHeld. On a file system without locks
// it keeps no one out.
func (d *Disk) Lock(path string) (*Lock, error) {
	for range 100 {
		file, err := d.open(path, 0)
		if err != nil {
			return nil, err
		}
		err = hold(file.file)
		switch {
		case cannot(err):
			return &Lock{d, filepath.Base(path), nil}, file.file.Close()
		case err != nil:
			return nil, errors.Join(err, file.file.Close())
		case sameFile(file.file, path):
			return &Lock{d, filepath.Base(path), file.file}, nil
		}
		file.file.Close() // its holder removed it in between
	}
	return nil, fmt.Errorf("%s: %w", path, ErrHeld)
}

func sameFile(file *os.File, path string) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(opened, there)
}

// Holds reports whether the lock keeps others out, which it does not on a file system without locks.
func (l *Lock) Holds() bool { return l != nil && l.file != nil }

// Release lets go of the lock. The file stays.
func (l *Lock) Release() {
	if l != nil && l.file != nil {
		l.file.Close()
		l.file = nil
	}
}

// RemoveFrom removes the lock's file, which lies in this folder by now, and lets go of it.
func (l *Lock) RemoveFrom(folder string) error {
	if l == nil || l.name == "" {
		return nil
	}
	defer l.Release()
	err := l.disk.Remove(filepath.Join(folder, l.name))
	l.name = ""
	return err
}

// How long a process waits for what another does beside the runs, which takes moments, and how
// often it asks.
const (
	patience = time.Minute
	asking   = 5 * time.Millisecond
)

// Exclusive lets one process at a time do something with what stands beside the runs in a
// folder. A process that is stopped while it does so must not stop all others: they give up
// after a minute.
func (d *Disk) Exclusive(folder string, do func() error) error {
	path := filepath.Join(folder, ".lock")
	lock, err := d.Lock(path)
	for until := time.Now().Add(patience); errors.Is(err, ErrHeld) && time.Now().Before(until); time.Sleep(asking) {
		lock, err = d.Lock(path)
	}
	if errors.Is(err, ErrHeld) {
		return fmt.Errorf("%s: another vllmspec has written there for more than %v; is it stopped?", folder, patience)
	}
	if err != nil {
		return err
	}
	defer lock.Release()
	return errors.Join(do(), d.SyncDir(folder))
}
