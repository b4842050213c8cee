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
	s, err := open(dir, m, verdicts)
	if err != nil {
		return nil, err
	}
	if err := s.read(); err != nil {
		return nil, err
	}
	return s, nil
}

// OpenUnjudged is Open for a run that may have no verdicts.json yet. While its files are
// looked through, what they hold goes to consumers: so they need not be read again.
func OpenUnjudged(dir string, consumers func(Manifest, *harness.Run) []harness.Consumer) (*Stored, error) {
	m, verdicts, err := ReadManifest(dir)
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || m.Run == "") {
		return nil, err
	}
	s, err := open(dir, m, verdicts)
	if err != nil {
		return nil, err
	}
	if err := s.read(consumers(s.Manifest, s.Run)...); err != nil {
		return nil, err
	}
	return s, nil
}

// open is the run of a folder whose files were not read yet.
func open(dir string, m Manifest, verdicts json.RawMessage) (*Stored, error) {
	s := &Stored{Dir: dir, Manifest: m, Verdicts: verdicts}
	if len(s.Manifest.Trials) > 0 {
		return nil, fmt.Errorf("%s is a group of %d runs, which lie beside it: %s", dir, len(s.Manifest.Trials), strings.Join(s.Manifest.Trials, ", "))
	}
	scenario, err := m.scenario()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	s.Run = &harness.Run{
		Scenario: scenario,
		Start:    m.Start, Length: time.Duration(m.LengthNS), Imported: m.Imported, From: time.Duration(m.FromNS), To: time.Duration(m.ToNS), Virtual: m.Virtual,
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

// read looks through the samples and then the requests of a run, each row once, and
// hands them to consumers. The first row that cannot be is an error.
func (s *Stored) read(consumers ...harness.Consumer) error {
	err := eachRow(filepath.Join(s.Dir, "samples.parquet"), func(r *reading) {
		sample := r.sample()
		for _, c := range consumers {
			c.Sample(sample)
		}
	})
	if err != nil {
		return err
	}
	var record harness.Record // one for all: a variable of each round would be an allocation
	return eachRow(filepath.Join(s.Dir, "requests.parquet"), func(r *row) {
		record = r.record()
		for _, c := range consumers {
			c.Record(&record)
		}
	})
}

// eachRow hands the rows of a file to use, and stops at one that cannot be.
func eachRow[T any, P interface {
	*T
	valid
}](path string, use func(P)) error {
	var wrong error
	n := 0
	err := eachBatch(path, func(batch []T) bool {
		for i := range batch {
			n++
			row := P(&batch[i])
			if wrong = row.valid(); wrong != nil {
				wrong = fmt.Errorf("row %d: %w", n, wrong)
				return false
			}
			use(row)
		}
		return true
	})
	if err = errors.Join(err, wrong); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
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
