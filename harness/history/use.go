package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// memoryMost is how many runs stand in for an index that cannot be used.
const memoryMost = 1000

// A BehindError says that runs are stored which a history does not have yet.
type BehindError struct{ Left int }

// Error says what enters them.
func (e *BehindError) Error() string {
	return fmt.Sprintf("%d older stored runs are not in the history yet: the next runs enter them, or vllmspec history rebuild", e.Left)
}

// Use has a function use the index in the folder of the runs, after it has entered what the index does not have,
// for so long at most; 0: for as long as it takes. Where the index cannot be used, one in memory of the newest
// runs stands in. The warning says so, or that runs are left, in one sentence.
func Use(ctx context.Context, f Folder, most time.Duration, use func(History) error) (warning, err error) {
	f.Location, f.Forget = Here, true
	if most > 0 {
		f.Until = time.Now().Add(most)
	}
	h, warning := Beside(ctx, f.Path)
	if warning == nil {
		left, err := CatchUp(ctx, h, f)
		if err == nil {
			err = use(h)
		}
		_ = h.Close() // all that was put is there
		switch {
		case IsUnusable(err):
			warning = err
		case err == nil && left > 0:
			return &BehindError{left}, nil
		default:
			return nil, err
		}
	}
	if h, err = InMemory(ctx); err != nil {
		return warning, err
	}
	f.Newest, f.Until = memoryMost, time.Time{}
	if _, err = CatchUp(ctx, h, f); err == nil {
		err = use(h)
	}
	return warning, errors.Join(err, h.Close())
}

// IsUnusable reports whether an error is that of a history that cannot be used: the runs themselves are stored.
func IsUnusable(err error) bool {
	_, is := errors.AsType[*UnusableError](err)
	return is
}

// Enter enters the runs of a folder in a history at an address that several machines share, within a time.
// What it returns is a warning in one sentence: the runs are stored all the same.
func Enter(ctx context.Context, address string, f Folder, most time.Duration) error {
	ctx, stop := context.WithTimeout(ctx, most)
	defer stop()
	return shared(ctx, address, f, most/2, func(History) error { return nil })
}

// shared has a function use the history at an address, after it has entered what that does not have.
func shared(ctx context.Context, address string, f Folder, most time.Duration, use func(History) error) error {
	if f.Location = LocationOf(f.Path); most > 0 {
		f.Until = time.Now().Add(most)
	}
	h, err := Open(ctx, address)
	if err != nil {
		return err
	}
	left, err := CatchUp(ctx, h, f)
	if err == nil {
		err = use(h)
	}
	if err == nil && left > 0 {
		err = &BehindError{left}
	}
	return errors.Join(err, h.Close())
}

// In has a function use the history at an address, or for "" the index in the folder of the runs, after it has
// entered what that does not have, within a time; 0: for as long as it takes. The warning says that runs are
// left, or that another index stands in for the one of the folder.
func In(ctx context.Context, address string, f Folder, most time.Duration, use func(History) error) (warning, err error) {
	if address == "" {
		return Use(ctx, f, most, use)
	}
	err = shared(ctx, address, f, most, use)
	if _, behind := errors.AsType[*BehindError](err); behind {
		return err, nil
	}
	return nil, err
}

// Rebuild makes a history anew of the runs in a folder: the one at an address, where runs of other folders stay as they
// are, or for "" the index in the folder. It returns how many runs it holds of the folder then.
func Rebuild(ctx context.Context, address string, f Folder) (runs int, err error) {
	f.Anew, f.Forget = true, true
	var h History
	if address == "" {
		f.Location = Here
		h, err = renewed(ctx, f.Path)
	} else {
		f.Location = LocationOf(f.Path)
		h, err = Open(ctx, address)
	}
	if err != nil {
		return 0, err
	}
	var known map[string]bool
	if _, err = CatchUp(ctx, h, f); err == nil {
		known, err = h.Known(ctx, f.Location)
	}
	return len(known), errors.Join(err, h.Close())
}

// renewed is the index in a folder, an empty one where that which is there cannot be used.
func renewed(ctx context.Context, folder string) (History, error) {
	h, err := Beside(ctx, folder)
	if err == nil || !IsUnusable(err) {
		return h, err
	}
	for _, name := range []string{FileName, FileName + "-wal", FileName + "-shm"} {
		if err := os.Remove(filepath.Join(folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return Beside(ctx, folder)
}
