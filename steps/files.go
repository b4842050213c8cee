package steps

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
)

// drawsFrom remembers what is in a file that the workload, or its arrivals, are drawn
// from: another file of the same name is another workload.
func (work *workload) drawsFrom(name string, src source) error {
	if _, known := work.files[name]; known {
		return nil
	}
	file, err := src.fs.Open(src.path)
	if err != nil {
		return err
	}
	content := sha256.New()
	_, err = io.Copy(content, file)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("%s: %w", src.path, err)
	}
	if work.files == nil {
		work.files = map[string]string{}
	}
	work.files[name] = fmt.Sprintf("%s %x", path.Base(src.path), content.Sum(nil)[:6])
	return nil
}

// filesLabel is the files with the beginnings of their SHA-256: "chats.jsonl 3f2a9c01b2d4".
func filesLabel(files map[string]string) string {
	return strings.Join(slices.Compact(slices.Sorted(maps.Values(files))), ", ")
}

// joined is both of these.
func joined(files, more map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, files)
	maps.Copy(all, more)
	return all
}
