// Package origin finds the files that scenarios name: on this machine, packed or in folders, and on the web, where
// they are downloaded from once. What comes of it is files that package dataset reads.
package origin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/packed"
	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/internal/download"
	"github.com/vllmspec/vllmspec/internal/redact"
)

// Local finds the user's files.
type Local interface {
	// Find is the path of a file or a folder, and whether it is there.
	Find(name string) (path string, found bool)
	// Candidates are the paths that a name may stand for.
	Candidates(name string) []string
}

// Origins finds what is named. What is downloaded or unpacked is so once, however often it is named; Close removes
// what was unpacked.
type Origins struct {
	Local Local
	Cache string          // folder of what is downloaded; "": the user's folder of caches
	Disk  *disk.Disk      // that is written to; nil: the system's
	Say   func(string)    // is called before a download or a query; nil: nothing is said
	Hide  *redact.Secrets // that no error shows

	Hub      Hub    // where names with hf: lie
	Database string // that queries are run against: postgres://… or sqlite: and a path; "": none is named

	Interrupted func() bool // ends a download; nil: nothing does

	mu    sync.Mutex
	found map[string]finding
	temp  string // folder of what is unpacked; "": nothing is
}

// A finding is what came of looking for a name.
type finding struct {
	files Files
	err   error
}

// Files are what a name stands for.
type Files struct {
	FS     fs.FS
	Path   string   // of the file; "": there are several
	Parts  []string // the files where there are several
	Whole  bool     // each of the parts is one prompt
	Name   string   // what a reader knows them by
	Sample bool     // they come along, to try things with
	Notes  []string // what a reader should know of where they came from
}

// Find finds what a name stands for: an address, a folder, an archive or a file.
func (o *Origins) Find(name string) (Files, error) {
	if !IsRemote(name) {
		if path, found := o.local(name); found && isPlain(path) {
			return Files{FS: os.DirFS(filepath.Dir(path)), Path: filepath.Base(path), Name: filepath.Base(path)}, nil
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if was, known := o.found[name]; known {
		return was.files, was.err
	}
	files, err := o.find(name)
	if o.found == nil {
		o.found = map[string]finding{}
	}
	o.found[name] = finding{files, err}
	return files, err
}

// Close removes what was unpacked.
func (o *Origins) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	temp := o.temp
	o.temp, o.found = "", nil
	if temp == "" {
		return nil
	}
	return o.Disk.RemoveAll(temp)
}

// IsRemote reports whether a name is an address.
func IsRemote(name string) bool {
	return strings.HasPrefix(name, "https://") || strings.HasPrefix(name, "http://") || strings.HasPrefix(name, hubPrefix)
}

// Knows reports whether a name is that of a file or a folder: by its ending, or because it is there.
func (o *Origins) Knows(name string) bool {
	form, inner := packed.FormOf(name)
	if IsRemote(name) || dataset.Reads(inner) || form == packed.Archive || isQuery(name) {
		return true
	}
	_, found := o.local(name)
	return found
}

// local is where a file or folder of the user's is.
func (o *Origins) local(name string) (string, bool) {
	if o.Local == nil {
		return name, false
	}
	return o.Local.Find(name)
}

// isPlain reports whether a path leads to a file that is read as it is.
func isPlain(path string) bool {
	form, _ := packed.FormOf(path)
	info, err := os.Stat(path)
	return form == packed.None && !isQuery(path) && err == nil && !info.IsDir()
}

func (o *Origins) find(name string) (Files, error) {
	switch {
	case strings.HasPrefix(name, hubPrefix):
		return o.ofHub(name)
	case IsRemote(name):
		return o.download(name)
	}
	path, found := o.local(name)
	if !found {
		candidates := []string{name}
		if o.Local != nil {
			candidates = o.Local.Candidates(name)
		}
		return Files{}, fmt.Errorf("there is no file %s", strings.Join(candidates, ", nor "))
	}
	if info, err := os.Stat(path); err != nil {
		return Files{}, err
	} else if info.IsDir() {
		return o.inFolder(path, filepath.Base(path), nil)
	}
	if isQuery(path) {
		return o.queried(path)
	}
	return o.unpacked(path, filepath.Base(path))
}

// download is a file of the web. What follows # pins it: #sha256=….
func (o *Origins) download(name string) (Files, error) {
	address, pin, err := pinned(name)
	if err != nil {
		return Files{}, err
	}
	if path, _, _ := strings.Cut(address, "?"); !readable(path) {
		return Files{}, fmt.Errorf("%s: the address ends in no file that is read; files of prompts end in %s, packed ones besides in %s", download.Shown(address), dataset.Extensions(), packed.Endings)
	}
	folder, err := o.folder()
	if err != nil {
		return Files{}, err
	}
	until, cancel := o.untilInterrupted()
	defer cancel()
	got, err := folder.Get(until, download.Request{URL: address, SHA256: pin})
	if err != nil {
		return Files{}, err
	}
	files, err := o.unpacked(got.Path, download.Shown(address))
	if got.Warning != "" {
		files.Notes = append(files.Notes, got.Warning)
	}
	return files, err
}

// readable reports whether a file has an ending that is read, packed or not.
func readable(name string) bool {
	form, inner := packed.FormOf(name)
	return form == packed.Archive || dataset.Reads(inner)
}

// pinned takes an address apart into what is asked for and the checksum that it must have; "" for any.
func pinned(name string) (address, pin string, err error) {
	address, fragment, has := strings.Cut(name, "#")
	pin, ok := strings.CutPrefix(fragment, "sha256=")
	if has && !ok {
		return "", "", fmt.Errorf(`%s ends in #%s; a checksum is written #sha256=…, with its 64 digits as sha256sum prints them`, download.Shown(address), fragment)
	}
	return address, strings.ToLower(pin), nil
}

// folder is where downloads are kept.
func (o *Origins) folder() (*download.Folder, error) {
	path := o.Cache
	if path == "" {
		var err error
		if path, err = download.CacheFolder(); err != nil {
			return nil, err
		}
	}
	return &download.Folder{Path: path, Disk: o.Disk, Say: o.Say, Secrets: o.Hide}, nil
}

// untilInterrupted ends when the tests are interrupted.
func (o *Origins) untilInterrupted() (context.Context, func()) {
	until, cancel := context.WithCancel(context.Background())
	if o.Interrupted == nil {
		return until, cancel
	}
	look := time.NewTicker(200 * time.Millisecond)
	go func() {
		defer look.Stop()
		for {
			select {
			case <-until.Done():
				return
			case <-look.C:
				if o.Interrupted() {
					cancel()
				}
			}
		}
	}()
	return until, cancel
}

// unpacked is a file, or what it holds where it is packed.
func (o *Origins) unpacked(path, name string) (Files, error) {
	form, inner := packed.FormOf(filepath.Base(path))
	if form == packed.None {
		return Files{FS: os.DirFS(filepath.Dir(path)), Path: filepath.Base(path), Name: name}, nil
	}
	folder, err := o.scratch()
	if err != nil {
		return Files{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return Files{}, err
	}
	budget := packed.BudgetOf(info.Size())
	if err := o.unpack(path, folder, inner, budget); err != nil {
		return Files{}, fmt.Errorf("%s: %w", name, errors.Join(err, o.Disk.RemoveAll(folder)))
	}
	if form == packed.Compressed {
		return Files{FS: os.DirFS(folder), Path: inner, Name: name}, nil
	}
	return o.inFolder(folder, name, budget)
}

// unpack unpacks a file into a folder, unless the tests are interrupted.
func (o *Origins) unpack(path, folder, inner string, budget *packed.Budget) error {
	until, cancel := o.untilInterrupted()
	defer cancel()
	return packed.Unpacker{Disk: o.Disk, Budget: budget}.Unpack(until, path, folder, inner)
}

// scratch is a new folder, which goes with the process.
func (o *Origins) scratch() (string, error) {
	if o.temp == "" {
		temp, err := os.MkdirTemp("", "vllmspec-")
		if err != nil {
			return "", fmt.Errorf("there is no place to unpack a file; name one with TMPDIR: %w", err)
		}
		o.temp = temp
	}
	return os.MkdirTemp(o.temp, "")
}
