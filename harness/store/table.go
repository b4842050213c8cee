package store

import (
	"container/heap"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/snappy"
)

// A table takes rows in any order and becomes one sorted Parquet file. It holds so
// many rows in memory; then it writes them down, sorted, as a segment of its own,
// and in the end merges the segments. Requests end in about the order in which
// they were due, so hardly more than two segments are open at a time while it does.
type table[T any] struct {
	dir, name string // of the file, without its ending
	compare   func(a, b T) int
	weigh     func(T) int // what a row holds beside itself, in numbers

	rows     []T
	weight   int
	segments []segment[T]
	extra    int    // rows beyond the usual number, since a segment could not be written
	spool    *spool // nil where nothing can be lost: in virtual time
}

// A segment is a sorted part of a table on disk.
type segment[T any] struct {
	path  string
	first T
}

// What a table holds in memory at most.
const (
	segmentRows   = 16 << 10
	segmentWeight = 2 << 20 // numbers in the rows' lists
)

func (t *table[T]) path() string { return filepath.Join(t.dir, t.name+".parquet") }

// segmentPath is where the n-th segment lies, from 0. What of it was not written
// down yet lies in the spool of the same number.
func (t *table[T]) segmentPath(n int) string {
	return filepath.Join(t.dir, fmt.Sprintf("%s-%06d.parquet", t.name, n))
}

func (t *table[T]) spoolPath(n int) string {
	return filepath.Join(t.dir, fmt.Sprintf("%s-%06d.spool", t.name, n))
}

// spooled makes a table safe: every row is on disk within a second.
func (t *table[T]) spooled() (err error) {
	t.spool, err = openSpool(t.spoolPath(len(t.segments)))
	return err
}

func (t *table[T]) add(r T) error {
	t.rows = append(t.rows, r)
	t.weight += t.weigh(r)
	var err error
	if t.spool != nil {
		err = t.spool.add(any(&t.rows[len(t.rows)-1]).(packed))
	}
	if len(t.rows) < segmentRows+t.extra && (t.weight < segmentWeight || t.extra > 0) {
		return err
	}
	return errors.Join(err, t.writeSegment())
}

// tick is for when no row comes.
func (t *table[T]) tick() error {
	if t.spool == nil {
		return nil
	}
	return t.spool.tick()
}

// writeSegment moves what is in memory to disk. A segment appears whole, and only
// then does its spool go: whatever happens, each row is in one of them.
func (t *table[T]) writeSegment() error {
	slices.SortStableFunc(t.rows, t.compare)
	s := segment[T]{path: t.segmentPath(len(t.segments)), first: t.rows[0]}
	if err := writeParquet(s.path, slices.Values(t.rows)); err != nil {
		t.extra = len(t.rows) // it is tried again, but not for every row
		return err
	}
	t.extra = 0
	t.segments = append(t.segments, s)
	clear(t.rows)
	t.rows, t.weight = t.rows[:0], 0
	if t.spool == nil {
		return nil
	}
	return errors.Join(t.spool.remove(), t.spooled())
}

// close writes the file and removes what led to it.
func (t *table[T]) close() error {
	if len(t.segments) > 0 && len(t.rows) > 0 {
		if err := t.writeSegment(); err != nil {
			return err
		}
	}
	slices.SortStableFunc(t.rows, t.compare)
	rows, unread := slices.Values(t.rows), &cursors[T]{compare: t.compare}
	if len(t.segments) > 0 {
		rows = t.merged(unread)
	}
	if err := writeParquet(t.path(), rows); err != nil {
		return err
	}
	if unread.wrong != nil { // what there is stays where it is
		return errors.Join(unread.wrong, os.Remove(t.path()))
	}
	t.rows = nil
	if t.spool != nil {
		if err := t.spool.file.Close(); err != nil {
			return err
		}
	}
	return t.sweep()
}

// merged yields the rows of all segments in order. A segment is opened when its
// first row is next.
func (t *table[T]) merged(opened *cursors[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		closed := slices.Clone(t.segments)
		slices.SortStableFunc(closed, func(a, b segment[T]) int { return t.compare(a.first, b.first) })
		defer opened.stop()
		for len(closed) > 0 || opened.Len() > 0 {
			for len(closed) > 0 && (opened.Len() == 0 || t.compare(closed[0].first, opened.all[0].row) <= 0) {
				opened.open(closed[0].path)
				closed = closed[1:]
			}
			if opened.Len() > 0 && !yield(opened.next()) {
				return
			}
		}
	}
}

// cursors are places in open segments, the least row on top.
type cursors[T any] struct {
	compare func(a, b T) int
	all     []cursor[T]
	wrong   error // with a segment that could not be read to its end
}

type cursor[T any] struct {
	row   T
	more  func() (T, bool)
	stop  func()
	path  string
	wrong *error
}

func (c *cursors[T]) open(path string) {
	next := cursor[T]{path: path, wrong: new(error)}
	next.more, next.stop = iter.Pull(lines[T](path, next.wrong))
	var ok bool
	if next.row, ok = next.more(); ok {
		heap.Push(c, next)
	} else {
		c.close(next)
	}
}

// close is for a cursor that has no more rows.
func (c *cursors[T]) close(ended cursor[T]) {
	ended.stop()
	if *ended.wrong != nil {
		c.wrong = errors.Join(c.wrong, fmt.Errorf("%s: %w", ended.path, *ended.wrong))
	}
}

// next takes the least row.
func (c *cursors[T]) next() T {
	top := &c.all[0]
	row := top.row
	var ok bool
	if top.row, ok = top.more(); ok {
		heap.Fix(c, 0)
	} else {
		c.close(heap.Pop(c).(cursor[T]))
	}
	return row
}

func (c *cursors[T]) stop() {
	for _, one := range c.all {
		one.stop()
	}
}

// The methods of heap.Interface.

func (c *cursors[T]) Len() int           { return len(c.all) }
func (c *cursors[T]) Less(i, j int) bool { return c.compare(c.all[i].row, c.all[j].row) < 0 }
func (c *cursors[T]) Swap(i, j int)      { c.all[i], c.all[j] = c.all[j], c.all[i] }
func (c *cursors[T]) Push(x any)         { c.all = append(c.all, x.(cursor[T])) }
func (c *cursors[T]) Pop() any {
	last := c.all[len(c.all)-1]
	c.all = c.all[:len(c.all)-1]
	return last
}

// writeParquet writes a file, which appears whole, and whose bytes depend on nothing
// but the rows. Snappy,
// because parquet-go's Zstd keeps channels in a pool, which do not survive from
// one testing/synctest bubble to the next.
func writeParquet[T any](path string, rows iter.Seq[T]) error {
	unfinished := path + "-part"
	file, err := os.Create(unfinished)
	if err != nil {
		return err
	}
	w := parquet.NewGenericWriter[T](file, parquet.Compression(&snappy.Codec{}), parquet.MaxRowsPerRowGroup(segmentRows),
		parquet.CreatedBy("vllmspec", schemaVersion, ""), parquet.KeyValueMetadata("schema_version", schemaVersion))
	batch := make([]T, 0, 256)
	flush := func() {
		if err == nil {
			_, err = w.Write(batch)
		}
		batch = batch[:0]
	}
	for r := range rows {
		if batch = append(batch, r); len(batch) == cap(batch) {
			flush()
		}
	}
	flush()
	if err = errors.Join(err, w.Close(), file.Sync(), file.Close()); err == nil {
		err = os.Rename(unfinished, path)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
