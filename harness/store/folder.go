// Package store is a run on disk: Parquet files that any tool reads, the
// manifest, the verdicts and benchmark lines.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

// A Folder is a run that is being written. It lies hidden beside the others and
// appears whole when it is published.
type Folder struct {
	root, name, hidden string
	published          bool
}

// Name is the name of a run: run=20261123T221503Z-a-working-day-s-traffic.
func Name(start time.Time, scenario string) string {
	return "run=" + start.UTC().Format("20060102T150405Z") + "-" + slug(scenario)
}

// slug keeps letters and digits and joins the words by hyphens.
func slug(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	out := strings.Join(words, "-")
	if runes := []rune(out); len(runes) > 80 {
		out = strings.Trim(string(runes[:80]), "-")
	}
	return out
}

// Create begins a run under root. A name that is taken gets a number.
func Create(root, name string) (*Folder, error) {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("runs cannot be stored in %s: %w", root, err)
	}
	unique := name
	for i := 2; ; i++ {
		hidden := filepath.Join(root, "."+unique)
		_, taken := os.Stat(filepath.Join(root, unique))
		if errors.Is(taken, os.ErrNotExist) {
			err := os.Mkdir(hidden, 0o755) // who makes it has the name
			if err == nil {
				return &Folder{root: root, name: unique, hidden: hidden}, nil
			}
			if !errors.Is(err, os.ErrExist) {
				return nil, fmt.Errorf("runs cannot be stored in %s: %w", root, err)
			}
		}
		unique = fmt.Sprintf("%s-%d", name, i)
	}
}

// Run is the run's name.
func (f *Folder) Run() string { return f.name }

// Path is where the run will be once it is published.
func (f *Folder) Path() string { return filepath.Join(f.root, f.name) }

// WriteJSON writes a file of the run as indented JSON.
func (f *Folder) WriteJSON(name string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return f.WriteFile(name, append(raw, '\n'))
}

// WriteFile writes a file of the run.
func (f *Folder) WriteFile(name string, data []byte) error {
	return os.WriteFile(filepath.Join(f.hidden, name), data, 0o644)
}

// Publish makes the run appear, whole, and returns where it is.
func (f *Folder) Publish() (string, error) {
	err := os.Rename(f.hidden, f.Path())
	f.published = err == nil
	return f.Path(), err
}

// where the run is now.
func (f *Folder) where() string {
	if f.published {
		return f.Path()
	}
	return f.hidden
}

// Discard removes a run that never began.
func (f *Folder) Discard() error { return os.RemoveAll(f.hidden) }
