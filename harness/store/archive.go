package store

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// An archive keeps a run in its folder: requests.parquet and samples.parquet.
type archive struct {
	folder   *Folder
	scenario string
	requests *table[row]
	samples  *table[reading]
	lock     *os.File // held as long as the run goes on; nil in virtual time
}

// Archive keeps the records and samples of the run's scenario in requests.parquet
// and samples.parquet. However many there are, it takes some tens of megabytes of
// memory.
func (f *Folder) Archive(scenario string) harness.Archive { return f.archive(scenario) }

// SafeArchive is an Archive that writes down everything at once, and the manifest
// as it is now, so that the run can be salvaged should the process be killed.
func (f *Folder) SafeArchive(scenario string, m Manifest) (harness.Archive, error) {
	a := f.archive(scenario)
	var err error
	if a.lock, err = lock(f.hidden); err != nil {
		return nil, fmt.Errorf("runs cannot be stored in %s: %w", f.root, err)
	}
	return a, errors.Join(a.requests.spooled(), a.samples.spooled(), f.WriteJSON("run.json", m))
}

func (f *Folder) archive(scenario string) *archive {
	return &archive{
		folder: f, scenario: scenario,
		requests: &table[row]{dir: f.hidden, name: "requests", compare: byDue, weigh: func(r row) int { return len(r.ChunkNS) }},
		samples:  &table[reading]{dir: f.hidden, name: "samples", compare: byTime, weigh: func(reading) int { return 0 }},
	}
}

func byDue(a, b row) int { return cmp.Or(cmp.Compare(a.DueNS, b.DueNS), cmp.Compare(a.Seq, b.Seq)) }

func byTime(a, b reading) int {
	return cmp.Or(cmp.Compare(a.AtNS, b.AtNS), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Series, b.Series))
}

// Record takes a record.
func (a *archive) Record(r harness.Record) error {
	return a.requests.add(toRow(a.folder.name, a.scenario, &r))
}

// Sample takes a sample. Samples come every second, also when no request ends.
func (a *archive) Sample(s harness.Sample) error {
	return errors.Join(a.samples.add(reading{int64(s.At), s.Source, s.Series, s.Labels, s.Value}), a.requests.tick())
}

// Close writes both files.
func (a *archive) Close() error {
	return errors.Join(a.requests.close(), a.samples.close(), unlock(a.lock))
}

// Records reads requests.parquet, wherever the folder is by now. A file that cannot
// be read ends it early, and then there are fewer than the run had.
func (a *archive) Records() iter.Seq[harness.Record] {
	return func(yield func(harness.Record) bool) {
		for r := range readRecords(a.folder.where()) {
			if !yield(r) {
				return
			}
		}
	}
}

// Samples reads samples.parquet.
func (a *archive) Samples() iter.Seq[harness.Sample] {
	return func(yield func(harness.Sample) bool) {
		for s := range readSamples(a.folder.where()) {
			if !yield(s) {
				return
			}
		}
	}
}

// readRecords are those of the run in a folder, in the order in which they were due.
func readRecords(dir string) iter.Seq[harness.Record] {
	return func(yield func(harness.Record) bool) {
		var wrong error // whoever judges the run counts its records
		for r := range lines[row](filepath.Join(dir, "requests.parquet"), &wrong) {
			if !yield(r.record()) {
				return
			}
		}
	}
}

// readSamples are those of the run in a folder.
func readSamples(dir string) iter.Seq[harness.Sample] {
	return func(yield func(harness.Sample) bool) {
		var wrong error // missing readings are missing
		for r := range lines[reading](filepath.Join(dir, "samples.parquet"), &wrong) {
			if !yield(harness.Sample{At: time.Duration(r.AtNS), Reading: harness.Reading{Source: r.Source, Series: r.Series, Labels: r.Labels, Value: r.Value}}) {
				return
			}
		}
	}
}
