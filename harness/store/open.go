package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/vllmspec/vllmspec/harness"
)

// A Stored is a run read back from its folder.
type Stored struct {
	Dir      string
	Manifest Manifest
	Verdicts json.RawMessage // verdicts.json as it stands
	Run      *harness.Run    // its streams read the Parquet files anew each time
}

// Open reads a run's folder. The streams come from the files; an error in the
// middle of one ends it, so the files are looked through once here.
func Open(dir string) (*Stored, error) {
	m, verdicts, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	return open(dir, m, verdicts)
}

// OpenUnjudged is Open for a run that may have no verdicts.json yet.
func OpenUnjudged(dir string) (*Stored, error) {
	m, verdicts, err := ReadManifest(dir)
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || m.Run == "") {
		return nil, err
	}
	return open(dir, m, verdicts)
}

func open(dir string, m Manifest, verdicts json.RawMessage) (*Stored, error) {
	s := &Stored{Dir: dir, Manifest: m, Verdicts: verdicts}
	if len(s.Manifest.Trials) > 0 {
		return nil, fmt.Errorf("%s is the whole of %d runs, which lie beside it: %s", dir, len(s.Manifest.Trials), strings.Join(s.Manifest.Trials, ", "))
	}
	requests, samples := filepath.Join(dir, "requests.parquet"), filepath.Join(dir, "samples.parquet")
	for path, check := range map[string]func(string) error{requests: check[row], samples: check[reading]} {
		if err := check(path); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	scenario, err := m.scenario()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	s.Run = &harness.Run{
		Scenario: scenario,
		Start:    m.Start, Length: time.Duration(m.LengthNS), From: time.Duration(m.FromNS), To: time.Duration(m.ToNS), Virtual: m.Virtual,
		Warnings: m.Warnings, Stopped: m.Stopped, Shortfall: m.Shortfall, Unwatched: m.Unwatched, Unread: m.Unread,
		Requests: m.Requests, Records: readRecords(dir), Samples: readSamples(dir), Salting: m.Server.CacheSalt,
	}
	return s, nil
}

// Names are the runs that are stored under root, newest first.
func Names(root string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() && strings.HasPrefix(entry.Name(), "run=") {
			names = append(names, entry.Name())
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names, nil
}

// ReadManifest reads run.json and verdicts.json of a run's folder, without its
// requests and samples.
func ReadManifest(dir string) (m Manifest, verdicts json.RawMessage, err error) {
	path := filepath.Join(dir, "run.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		return m, nil, fmt.Errorf("%s is no stored run: %w", dir, err)
	}
	if m, err = parseManifest(path, raw); err != nil {
		return m, nil, err
	}
	path = filepath.Join(dir, "verdicts.json")
	if verdicts, err = os.ReadFile(path); err == nil {
		err = Check(path, verdicts)
	}
	return m, verdicts, err
}

// parseManifest reads run.json.
func parseManifest(path string, raw []byte) (m Manifest, err error) {
	if err := Check(path, raw); err != nil {
		return m, err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	if err := m.names(); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func check[T any](path string) error {
	var wrong error
	n := 0
	err := eachBatch[T](path, func(batch []T) bool {
		for i := range batch {
			n++
			if wrong = any(&batch[i]).(valid).valid(); wrong != nil {
				wrong = fmt.Errorf("row %d: %w", n, wrong)
				return false
			}
		}
		return true
	})
	return errors.Join(err, wrong)
}

// lines yields the rows of a file. What keeps it from the end is put into wrong.
func lines[T any](path string, wrong *error) iter.Seq[T] {
	return func(yield func(T) bool) {
		*wrong = eachBatch[T](path, func(batch []T) bool {
			for _, r := range batch {
				if !yield(r) {
					return false
				}
			}
			return true
		})
	}
}

func eachBatch[T any](path string, use func([]T) bool) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	parsed, err := parquet.OpenFile(file, info.Size())
	if err != nil {
		return err
	}
	r := parquet.NewGenericReader[T](parsed)
	defer r.Close()
	for {
		batch := make([]T, 256)
		n, err := r.Read(batch)
		if n > 0 && !use(batch[:n]) {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
