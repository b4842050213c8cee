package harness

import (
	"cmp"
	"slices"
)

// Memory is a sink that keeps what it is given. Close puts it in order: records
// by due time, samples by the time they were taken.
type Memory struct {
	Records []Record
	Samples []Sample
}

// Record keeps a record.
func (m *Memory) Record(r Record) error { m.Records = append(m.Records, r); return nil }

// Sample keeps a sample.
func (m *Memory) Sample(s Sample) error { m.Samples = append(m.Samples, s); return nil }

// Close sorts.
func (m *Memory) Close() error {
	slices.SortStableFunc(m.Records, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Seq, b.Seq))
	})
	slices.SortStableFunc(m.Samples, func(a, b Sample) int { return cmp.Compare(a.At, b.At) })
	return nil
}
