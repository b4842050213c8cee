package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	s := &Stored{Dir: dir}
	var err error
	if s.Manifest, s.Verdicts, err = ReadManifest(dir); err != nil {
		return nil, err
	}
	if len(s.Manifest.Trials) > 0 {
		return nil, fmt.Errorf("%s is the whole of %d runs, which lie beside it: %s", dir, len(s.Manifest.Trials), strings.Join(s.Manifest.Trials, ", "))
	}
	requests, samples := filepath.Join(dir, "requests.parquet"), filepath.Join(dir, "samples.parquet")
	for path, check := range map[string]func(string) error{requests: check[row], samples: check[reading]} {
		if err := check(path); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	m := s.Manifest
	s.Run = &harness.Run{
		Scenario: harness.Scenario{Name: m.Scenario.Name, Where: m.Scenario.Where, Seed: m.Scenario.Seed, Warmup: time.Duration(m.Scenario.WarmupNS),
			Good: m.Scenario.Good, Objectives: m.Scenario.Objectives, Labels: m.Scenario.Labels},
		Start: m.Start, Length: time.Duration(m.LengthNS), From: time.Duration(m.FromNS), To: time.Duration(m.ToNS), Virtual: m.Virtual,
		Warnings: m.Warnings, Stopped: m.Stopped, Unwatched: m.Unwatched,
		Requests: m.Requests, Records: readRecords(dir), Samples: readSamples(dir),
	}
	if m.Scenario.InFlight > 0 {
		s.Run.Scenario.Load = harness.Open{InFlight: m.Scenario.InFlight}
	}
	if s.Run.Scenario.Cache = m.Scenario.Cache; m.Scenario.Impatience != nil {
		s.Run.Scenario.Impatience = *m.Scenario.Impatience
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
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, nil, fmt.Errorf("%s: %w", path, err)
	}
	verdicts, err = os.ReadFile(filepath.Join(dir, "verdicts.json"))
	return m, verdicts, err
}

func check[T any](path string) error {
	return eachBatch[T](path, func([]T) bool { return true })
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
