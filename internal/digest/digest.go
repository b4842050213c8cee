// Package digest names files by what is in them: another file of the same name is another workload, and
// its runs are not those of before.
package digest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Files are files by the names that are given them, each with the beginning of its SHA-256:
// "chats.jsonl 3f2a9c01b2d4".
type Files map[string]string

// Add reads a file, unless that name is known.
func (f Files) Add(name string, from fs.FS, file string) error {
	if _, known := f[name]; known {
		return nil
	}
	opened, err := from.Open(file)
	if err != nil {
		return err
	}
	content := sha256.New()
	_, err = io.Copy(content, opened)
	if err = errors.Join(err, opened.Close()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	f[name] = fmt.Sprintf("%s %x", path.Base(file), content.Sum(nil)[:6])
	return nil
}

// String is the files in the order of their names, each once.
func (f Files) String() string {
	return strings.Join(slices.Compact(slices.Sorted(maps.Values(f))), ", ")
}
