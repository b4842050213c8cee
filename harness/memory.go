package harness

import (
	"cmp"
	"iter"
	"slices"
)

// Memory is an archive that keeps everything as it is: for runs of a few thousand
// requests, and for tests.
type Memory struct {
	records []Record
	samples []Sample
}

// Record keeps a record.
func (m *Memory) Record(r Record) error { m.records = append(m.records, r); return nil }

// Sample keeps a sample.
func (m *Memory) Sample(s Sample) error { m.samples = append(m.samples, s); return nil }

// Close sorts.
func (m *Memory) Close() error {
	slices.SortStableFunc(m.records, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Seq, b.Seq))
	})
	slices.SortStableFunc(m.samples, func(a, b Sample) int { return cmp.Compare(a.At, b.At) })
	return nil
}

// Records are those that were kept.
func (m *Memory) Records() iter.Seq[Record] { return slices.Values(m.records) }

// Samples are those that were kept.
func (m *Memory) Samples() iter.Seq[Sample] { return slices.Values(m.samples) }
