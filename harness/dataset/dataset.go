// Package dataset is what is asked: conversations from files in the formats
// that people have, and synthetic prompts of an exact length.
//
// Every dataset is a plain value. Its source is read and checked whole before
// the first request is due, and an error names the file and the line or the
// conversation. Files may be larger than memory: what is kept of one is where its
// records lie, and they are read again when they are drawn. Any number of streams
// share one file, which is checked and opened once.
package dataset

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/line"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// records are those of a file that was checked whole. Any number of goroutines may
// read them.
type records struct {
	units  int64 // that can be read: a record each, or of a Parquet file some rows
	usable int64 // records that can be asked
	left   source.LeftOut
	notes  []string // how the file was read, where that is not as usual
	read   func(unit int64) ([]harness.Conversation, error)
	file   io.Closer
}

// A reading turns a line into what is asked; the error of one that cannot be asked is
// a *source.Unaskable. Where it is only checked, images that are files are not read.
type reading func(l line.Line, inline bool) (harness.Conversation, error)

// A shared is a file that is checked and opened by the first that draws from it.
type shared struct {
	once    sync.Once
	records *records
	err     error
}

func (s *shared) open(open func() (*records, error)) (*records, error) {
	s.once.Do(func() { s.records, s.err = open() })
	return s.records, s.err
}

func (s *shared) close() error {
	s.once.Do(func() { s.err = errors.New("the dataset is closed") })
	if s.records == nil {
		return nil
	}
	return s.records.file.Close()
}

// remarks are how many records are left out of a file that is open.
func (s *shared) remarks(path, noun string) []string {
	if s.records == nil {
		return nil
	}
	return append(slices.Clone(s.records.notes), s.records.left.Remark(path, noun)...)
}

// asked is a conversation that was drawn from a file that was checked; none where it is
// one that cannot be asked.
func asked(file *source.File, c harness.Conversation, err error) ([]harness.Conversation, error) {
	if _, ok := errors.AsType[*source.Unaskable](err); ok {
		return nil, nil
	}
	if err != nil {
		return nil, file.Changed(err)
	}
	return []harness.Conversation{c}, nil
}

// shuffled yields conversations in an order drawn anew each time round, without
// end: no conversation comes again before every other one has come.
func shuffled(r *rand.Rand, all *records) iter.Seq[harness.Conversation] {
	return func(yield func(harness.Conversation) bool) {
		for {
			order := newPermutation(r, all.units)
			for i := range all.units {
				drawn, err := all.read(order.at(i))
				if err != nil {
					yield(harness.Conversation{Err: err})
					return
				}
				r.Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
				for _, c := range drawn {
					if !yield(c) {
						return
					}
				}
			}
		}
	}
}

// describe is a dataset for the reader of a manifest.
func describe(path string, maxTokens int, full bool) string {
	parts := []string{path}
	if maxTokens > 0 {
		parts = append(parts, fmt.Sprintf("answers of at most %d tokens", maxTokens))
	}
	if full {
		parts = append(parts, "each at full length")
	}
	return strings.Join(parts, ", ")
}

// UTF8 is a text as UTF-8 without a byte order mark, with lines that end in LF or CRLF. The error of a text
// that is neither UTF-8 nor marked as UTF-16 names the line.
func UTF8(raw []byte) ([]byte, error) { return source.UTF8(raw) }
