package store

import (
	"errors"
	"time"

	"github.com/vllmspec/vllmspec/internal/disk"
)

// flushEvery is how old what is not written may be, when something comes: samples
// come every second, and so a killed process loses its last second at most.
const flushEvery = 500 * time.Millisecond

// flushFrom is how much is written without waiting for that.
const flushFrom = 64 << 10

// A spool is where the rows lie that a table has in memory, packed, in the
// order in which requests end. Whatever ends the process, what was written down by
// then can be made a run of: see [Salvage]. What could not be written is tried again, from the
// byte on that was missing: no row is torn by a disk that was full for a while.
type spool struct {
	disk    *Disk
	file    *disk.File
	pending []byte // not in the file yet
	flushed time.Time
	packer  packer
}

func openSpool(d *Disk, path string) (*spool, error) {
	file, err := d.Create(path)
	if err != nil {
		return nil, err
	}
	return &spool{disk: d, file: file, flushed: time.Now()}, nil
}

func (s *spool) add(r packed) error {
	before := len(s.pending)
	s.pending = appendPacked(s.pending, &s.packer, r)
	if before/flushFrom != len(s.pending)/flushFrom { // once for each so many bytes, where it fails
		return s.flush()
	}
	return s.tick()
}

// tick flushes when it is time.
func (s *spool) tick() error {
	if time.Since(s.flushed) < flushEvery {
		return nil
	}
	return s.flush()
}

func (s *spool) flush() error {
	s.flushed = time.Now()
	n, err := s.file.Write(s.pending)
	s.pending = append(s.pending[:0], s.pending[n:]...)
	return err
}

// remove is for when the rows are in a Parquet file.
func (s *spool) remove() error { return errors.Join(s.file.Close(), s.disk.Remove(s.file.Name())) }
