package store

import (
	"bufio"
	"errors"
	"os"
	"time"
)

// flushEvery is how old what is not written may be, when something comes: samples
// come every second, and so a killed process loses its last second at most.
const flushEvery = 500 * time.Millisecond

// A spool is where the rows lie that a table has in memory, packed, in the
// order in which requests end. Whatever ends the process, what was written down by
// then can be made a run of: see [Salvage].
type spool struct {
	file    *os.File
	buffer  *bufio.Writer
	flushed time.Time
	packer  packer
	packed  []byte // used again for every row
}

func openSpool(path string) (*spool, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &spool{file: file, buffer: bufio.NewWriterSize(file, 64<<10), flushed: time.Now()}, nil
}

func (s *spool) add(r packed) error {
	s.packed = appendPacked(s.packed[:0], &s.packer, r)
	_, err := s.buffer.Write(s.packed)
	return errors.Join(err, s.tick())
}

// tick flushes when it is time.
func (s *spool) tick() error {
	if time.Since(s.flushed) < flushEvery {
		return nil
	}
	s.flushed = time.Now()
	return s.buffer.Flush()
}

// remove is for when the rows are in a Parquet file.
func (s *spool) remove() error { return errors.Join(s.file.Close(), os.Remove(s.file.Name())) }
