// Package digest names files by what is in them: another file of the same name is another workload, and
// its runs are not those of before.
package digest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
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
	content := sha256.New()
	if err := read(content, from, file); err != nil {
		return err
	}
	f[name] = fmt.Sprintf("%s %x", path.Base(file), content.Sum(nil)[:6])
	return nil
}

// AddParts reads the files that something lies in, which is called label for a reader, unless that name is known.
func (f Files) AddParts(name, label string, from fs.FS, parts []string) error {
	if _, known := f[name]; known {
		return nil
	}
	list := sha256.New()
	for _, part := range parts {
		content := sha256.New()
		if err := read(content, from, part); err != nil {
			return err
		}
		fmt.Fprintf(list, "%x  %s\n", content.Sum(nil), part) // as sha256sum prints them
	}
	f[name] = fmt.Sprintf("%s %x", path.Base(label), list.Sum(nil)[:6])
	return nil
}

// read adds what a file holds.
func read(content hash.Hash, from fs.FS, file string) error {
	opened, err := from.Open(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(content, opened)
	if err = errors.Join(err, opened.Close()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// String is the files in the order of their names, each once.
func (f Files) String() string {
	return strings.Join(slices.Compact(slices.Sorted(maps.Values(f))), ", ")
}
