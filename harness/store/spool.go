package store

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The files in which a run lies while it goes on: one row a line, in the order in
// which requests end. Whatever ends the process, what was written down by then
// can be made a run of: see [Salvage].
const (
	spooledRequests = "requests.jsonl"
	spooledSamples  = "samples.jsonl"
)

// flushEvery is the most that a killed process loses.
const flushEvery = time.Second

// A spool appends rows to a file.
type spool struct {
	file    *os.File
	buffer  *bufio.Writer
	flushed time.Time
}

func openSpool(dir, name string) (*spool, error) {
	file, err := os.Create(filepath.Join(dir, name))
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

// remove is for when the rows are in their final file.
func (s *spool) remove() error { return errors.Join(s.file.Close(), os.Remove(s.file.Name())) }

// unspool reads what was written; a last line that was cut off is left out.
func unspool[T any](path string) (rows []T, err error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(raw)) {
		var row T
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			if !strings.HasSuffix(line, "\n") {
				break
			}
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Salvage makes a run of what a process left behind that was killed: its folder,
// which is hidden, becomes one like the others, and its manifest says that the
// run is incomplete. It returns where the run is.
func Salvage(hidden string) (string, error) {
	m, _, err := ReadManifest(hidden)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || m.Run == "" {
		return "", fmt.Errorf("%s is no run that was cut off: %w", hidden, err)
	}
	s := sink{folder: &Folder{root: filepath.Dir(hidden), name: m.Run, hidden: hidden}}
	if s.rows, err = unspool[row](filepath.Join(hidden, spooledRequests)); err != nil {
		return "", err
	}
	if s.readings, err = unspool[reading](filepath.Join(hidden, spooledSamples)); err != nil {
		return "", err
	}
	m.incomplete(s.rows, s.readings)
	err = errors.Join(s.write(), s.folder.WriteJSON("run.json", m), s.folder.WriteJSON("verdicts.json", []string{}),
		os.RemoveAll(filepath.Join(hidden, spooledRequests)), os.RemoveAll(filepath.Join(hidden, spooledSamples)))
	if err != nil {
		return "", err
	}
	return s.folder.Publish()
}

// Incomplete is why a run that was salvaged ended.
const Incomplete = "the program was killed; what it had written down by then is all there is"

// incomplete fills in what only the end of a run would have told.
func (m *Manifest) incomplete(rows []row, readings []reading) {
	m.Stopped, m.Requests = Incomplete, len(rows)
	for _, r := range rows {
		m.LengthNS = max(m.LengthNS, r.DueNS)
		if r.DoneNS != nil {
			m.LengthNS = max(m.LengthNS, *r.DoneNS)
		}
		m.ToNS = max(m.ToNS, r.DueNS+1)
	}
	for _, r := range readings {
		m.LengthNS = max(m.LengthNS, r.AtNS)
	}
	m.FromNS = m.Scenario.WarmupNS
}
