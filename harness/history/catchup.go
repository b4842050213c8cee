package history

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/harness/store"
)

// Here is the location of runs in the index that lies in their folder: so the folder can be moved.
const Here = "."

// LocationOf is the location of a folder in a history that several machines share.
func LocationOf(folder string) string {
	host, _ := os.Hostname()
	if whole, err := filepath.Abs(folder); err == nil {
		folder = whole
	}
	return host + ":" + filepath.ToSlash(folder)
}

// A Folder is a folder of runs, as a history enters it.
type Folder struct {
	Path     string
	Location string
	// Read reads a run. Nil: [Read], without an Entry.
	Read func(dir string) (*Run, error)
	// Forget has runs removed from the history whose folders are gone.
	Forget bool
	// Anew has all runs read, also those that the history has.
	Anew bool
	// Newest is how many runs are entered at most, the newest; 0: all.
	Newest int
	// Until is when to stop: what is not entered by then comes the next time. Zero: never.
	Until time.Time
}

// batch is how many runs are entered in one transaction.
const batch = 100

// CatchUp enters the stored runs that a history does not have, by their names: no file of the others is
// read. It returns how many could not be entered before the time was up. One that cannot be read is left
// out: a broken run of last year must not fail the one of today.
func CatchUp(ctx context.Context, h History, f Folder) (left int, err error) {
	known, err := h.Known(ctx, f.Location) // before the names: a run that another process enters meanwhile is not forgotten
	if err != nil {
		return 0, err
	}
	names, err := store.Names(f.Path)
	if err != nil {
		return 0, err
	}
	var missing []string
	for _, name := range names {
		if f.Anew || !known[name] {
			missing = append(missing, name)
		}
		delete(known, name)
	}
	if f.Forget {
		if err := h.Remove(ctx, f.Location, slices.Collect(maps.Keys(known))...); err != nil {
			return 0, err
		}
	}
	if f.Newest > 0 && len(missing) > f.Newest {
		missing = missing[:f.Newest]
	}
	for part := range slices.Chunk(missing, batch) { // the newest first
		if !f.Until.IsZero() && time.Now().After(f.Until) {
			return len(missing), nil
		}
		runs, unread := f.readAll(part)
		err := h.Put(ctx, runs...)
		if f.Anew && err == nil {
			err = h.Remove(ctx, f.Location, unread...) // they could be read once
		}
		if err != nil {
			return len(missing), err
		}
		missing = missing[len(part):]
	}
	return 0, nil
}

// readAll reads runs, as many at a time as there are processors, and names those that cannot be read.
func (f Folder) readAll(names []string) (runs []*Run, unread []string) {
	all := make([]*Run, len(names))
	var wait sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for first := range workers {
		wait.Go(func() {
			for i := first; i < len(names); i += workers {
				all[i] = f.read(names[i])
			}
		})
	}
	wait.Wait()
	for i, run := range all {
		if run == nil {
			unread = append(unread, names[i])
		} else {
			runs = append(runs, run)
		}
	}
	return runs, unread
}

// read reads a run; nil where it cannot be read.
func (f Folder) read(name string) *Run {
	dir, read := filepath.Join(f.Path, name), f.Read
	if read == nil {
		read = func(dir string) (*Run, error) {
			run, _, _, err := Read(dir)
			return run, err
		}
	}
	run, err := read(dir)
	if err != nil {
		return nil
	}
	run.Name, run.Location = name, f.Location
	return run
}
