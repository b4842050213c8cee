package store

import (
	"errors"
	"os"
	"path/filepath"
)

// lockName is the file that tells a run that goes on from one whose process was
// killed: the system lets go of a lock when its holder ends, however it ends.
const lockName = "lock"

// lock marks a folder as that of a run that goes on. It is an error where it is one
// already.
func lock(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := hold(file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func unlock(file *os.File) error {
	if file == nil {
		return nil
	}
	return errors.Join(os.Remove(file.Name()), file.Close())
}
