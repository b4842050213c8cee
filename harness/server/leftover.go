package server

import (
	"os"
	"path/filepath"
	"time"
)

// youngest is how old an owner's file must be before it is looked at: one that was just made is
// not locked yet.
const youngest = time.Minute

// sweepOwners removes the files of owners that were killed: the file of an owner that lives is
// locked. Their containers are found by their labels all the same.
func sweepOwners(folder string, now time.Time) {
	paths, _ := filepath.Glob(filepath.Join(folder, "vllmspec-container-*"))
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && now.Sub(info.ModTime()) > youngest && abandoned(path) {
			os.Remove(path)
		}
	}
}
