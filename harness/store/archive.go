package store

import (
	"cmp"
	"errors"
	"iter"
	"path/filepath"

	"github.com/vllmspec/vllmspec/harness"
)

// An archive keeps a run in its folder: requests.parquet and samples.parquet.
type archive struct {
	folder   *Folder
	scenario string
	requests *table[row]
	samples  *table[reading]
	safe     bool // all is written down at once, and so can be salvaged
}

// Archive keeps the records and samples of the run's scenario in requests.parquet
// and samples.parquet. However many there are, it takes some tens of megabytes of
// memory.
func (f *Folder) Archive(scenario string) harness.Archive { return f.archive(scenario) }

// SafeArchive is an Archive that writes down everything at once, and the manifest
// as it is now, so that the run can be salvaged should the process be killed.
func (f *Folder) SafeArchive(scenario string, m Manifest) (harness.Archive, error) {
	a := f.archive(scenario)
	a.safe = true
	return a, errors.Join(f.Begin(m), f.Failed(errors.Join(a.requests.spooled(), a.samples.spooled())))
}

func (f *Folder) archive(scenario string) *archive {
	return &archive{
		folder: f, scenario: scenario,
		requests: &table[row]{disk: f.disk, dir: f.hidden, name: "requests", compare: byDue, weigh: row.weight},
		samples:  &table[reading]{disk: f.disk, dir: f.hidden, name: "samples", compare: byTime, weigh: reading.weight},
	}
}

func byDue(a, b row) int { return cmp.Or(cmp.Compare(a.DueNS, b.DueNS), cmp.Compare(a.Seq, b.Seq)) }

func byTime(a, b reading) int {
	return cmp.Or(cmp.Compare(a.AtNS, b.AtNS), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Series, b.Series))
}

// Record takes a record.
func (a *archive) Record(r harness.Record) error {
	return a.failed(a.requests.add(toRow(a.folder.name, a.scenario, &r)))
}

// Sample takes a sample. Samples come every second, also when no request ends.
func (a *archive) Sample(s harness.Sample) error {
	return a.failed(errors.Join(a.samples.add(reading{int64(s.At), s.Source, s.Series, s.Labels, s.Value}), a.requests.tick()))
}

// failed notes an error. The load goes on, since what comes may be kept again; the first error
// only is returned, or a full disk would be one for each request.
func (a *archive) failed(err error) error {
	if before := a.folder.Unwritten(); a.folder.Failed(err) == nil || before != nil {
		return nil
	}
	return err
}

// Close writes both files.
func (a *archive) Close() error {
	err := a.folder.Failed(errors.Join(a.requests.close(), a.samples.close()))
	a.folder.measured = a.requests.written && a.samples.written
	a.folder.lost = !a.safe && !a.folder.measured
	return err
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
		var wrong error // the judge counts the records
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
			if !yield(r.sample()) {
				return
			}
		}
	}
}
