package store

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"time"
)

// flushEvery is how old what is not written may be, when something comes: samples
// come every second, and so a killed process loses its last second at most.
const flushEvery = 500 * time.Millisecond

// A spool is where the rows lie that a table has in memory: one a line, in the
// order in which requests end. Whatever ends the process, what was written down by
// then can be made a run of: see [Salvage].
type spool struct {
	file    *os.File
	buffer  *bufio.Writer
	flushed time.Time
}

func openSpool(path string) (*spool, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &spool{file: file, buffer: bufio.NewWriterSize(file, 64<<10), flushed: time.Now()}, nil
}

func (s *spool) add(row any) error {
	raw, err := json.Marshal(row)
	if err != nil {
		return err
	}
	_, err = s.buffer.Write(append(raw, '\n'))
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
