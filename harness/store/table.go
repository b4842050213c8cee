package store

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"io/fs"
	"iter"
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
	disk      *Disk
	dir, name string // of the file, without its ending
	compare   func(a, b T) int
	weigh     func(T) int // bytes that a row holds beside itself

	rows     []T
	weight   int
	segments []segment[T]
	extra    int    // rows beyond the usual number, since a segment could not be written
	safe     bool   // every row is on disk within a second; in virtual time nothing can be lost
	spool    *spool // nil where it is not safe, or while none can be made
	written  bool   // the file is there, whole
}

// A segment is a sorted part of a table on disk.
type segment[T any] struct {
	path  string
	first T
}

// What a table holds in memory at most.
const (
	segmentRows   = 16 << 10
	segmentWeight = 16 << 20 // bytes of the rows' lists and texts
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
func (t *table[T]) spooled() error {
	t.safe = true
	spool, err := openSpool(t.disk, t.spoolPath(len(t.segments)))
	if err != nil {
		return err
	}
	t.spool = spool
	errs := []error{nil}
	for i := range t.rows {
		errs = append(errs, spool.add(any(&t.rows[i]).(packed)))
	}
	return errors.Join(errs...)
}

func (t *table[T]) add(r T) (err error) {
	t.rows = append(t.rows, r)
	t.weight += t.weigh(r)
	switch {
	case t.spool != nil:
		err = t.spool.add(any(&t.rows[len(t.rows)-1]).(packed))
	case t.safe:
		err = t.spooled()
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
	if err := writeParquet(t.disk, s.path, slices.Values(t.rows), func() error { return nil }); err != nil {
		t.extra = len(t.rows) // it is tried again, but not for every row
		return err
	}
	t.extra = 0
	t.segments = append(t.segments, s)
	clear(t.rows)
	t.rows, t.weight = t.rows[:0], 0
	if !t.safe {
		return nil
	}
	errs := []error{t.disk.SyncDir(t.dir)} // the segment's name first, then the spool goes
	if t.spool != nil {
		errs = append(errs, t.spool.remove())
		t.spool = nil
	}
	return errors.Join(append(errs, t.spooled())...)
}

// close writes the file and removes what led to it. Where it cannot be written, all rows are in
// segments and in the spool.
func (t *table[T]) close() error {
	err := t.write()
	if t.written || !t.safe {
		return err
	}
	if t.spool == nil {
		err = errors.Join(err, t.spooled())
	}
	if t.spool != nil {
		err = errors.Join(err, t.spool.flush(), t.spool.file.Close())
	}
	return err
}

func (t *table[T]) write() error {
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
	if err := writeParquet(t.disk, t.path(), rows, func() error { return unread.wrong }); err != nil {
		return err // what there is stays where it is
	}
	t.rows, t.written = nil, true
	if t.spool != nil {
		_ = t.spool.file.Close() // nothing is lost with it: its rows are in the file
		t.spool = nil
	}
	return errors.Join(t.disk.SyncDir(t.dir), t.sweep())
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

func (c *cursors[T]) Len() int { return len(c.all) }
func (c *cursors[T]) Less(i, j int) bool {
	a, b := c.all[i], c.all[j]
	return cmp.Or(c.compare(a.row, b.row), cmp.Compare(a.path, b.path)) < 0 // equal rows in the order in which they came
}
func (c *cursors[T]) Swap(i, j int) { c.all[i], c.all[j] = c.all[j], c.all[i] }
func (c *cursors[T]) Push(x any)    { c.all = append(c.all, x.(cursor[T])) }
func (c *cursors[T]) Pop() any {
	last := c.all[len(c.all)-1]
	c.all = c.all[:len(c.all)-1]
	return last
}

// writeParquet writes a file, which appears whole, and whose bytes depend on nothing
// but the rows; not where, once there are no more of them, whole says that some are missing. Snappy,
// because parquet-go's Zstd keeps channels in a pool, which do not survive from
// one testing/synctest bubble to the next.
func writeParquet[T any](d *Disk, path string, rows iter.Seq[T], whole func() error) error {
	file, err := d.Begin(path)
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
		if err != nil {
			break
		}
	}
	flush()
	if err = errors.Join(err, w.Close(), whole()); err != nil {
		file.Abandon()
	} else {
		err = file.Commit()
	}
	if _, named := errors.AsType[*fs.PathError](err); err != nil && !named {
		return fmt.Errorf("%s: %w", path, err)
	}
	return err
}
