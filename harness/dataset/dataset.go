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
	"io/fs"
	"iter"
	"math/rand/v2"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/vllmspec/vllmspec/harness"
)

// records are those of a file that was checked whole. Any number of goroutines may
// read them.
type records struct {
	units  int64 // that can be read: a record each, or of a Parquet file some rows
	usable int64 // records that can be asked
	left   leftOut
	notes  []string // how the file was read, where that is not as usual
	read   func(unit int64) ([]harness.Conversation, error)
	file   *openFile
}

// inOrder does n pieces of work, several at a time and each as soon as those before it
// have begun. Once one fails no other begins: those before the first that failed are done.
func inOrder(n int, do func(i int) error, done func(n int)) {
	var next, ended atomic.Int64
	var failed atomic.Bool
	var telling sync.Mutex
	var working sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		working.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && !failed.Load(); i = int(next.Add(1)) - 1 {
				if do(i) != nil {
					failed.Store(true)
				}
				telling.Lock()
				done(int(ended.Add(1)))
				telling.Unlock()
			}
		})
	}
	working.Wait()
}

// A progress is called now and then with how many bytes of a file have been checked.
type progress func(done, total int64)

func (p progress) tell(done, total int64) {
	if p != nil {
		p(min(done, total), total)
	}
}

// A reading turns a line into what is asked; the error of one that cannot be asked is
// an *unaskable. Where it is only checked, images that are files are not read.
type reading func(l line, inline bool) (harness.Conversation, error)

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
	return append(s.records.notes, s.records.left.remark(path, noun)...)
}

// asked is a conversation that was drawn from a file that was checked; none where it is
// one that cannot be asked.
func (f *openFile) asked(c harness.Conversation, err error) ([]harness.Conversation, error) {
	if _, ok := errors.AsType[*unaskable](err); ok {
		return nil, nil
	}
	if err != nil {
		return nil, f.changed(err)
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

// An openFile is read from anywhere by many at a time.
type openFile struct {
	fs.File
	io.ReaderAt
	path string
	size int64
}

func open(files fs.FS, path string) (*openFile, error) {
	file, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	at, anywhere := file.(io.ReaderAt)
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s: it is a folder; name a file in it", path)
	case !anywhere:
		err = fmt.Errorf("%s: it can only be read from its beginning to its end", path)
	default:
		return &openFile{file, at, path, info.Size()}, nil
	}
	return nil, errors.Join(err, file.Close())
}

// from is the file from an offset on.
func (f *openFile) from(offset int64) io.Reader {
	return io.NewSectionReader(f.ReaderAt, offset, f.size-offset)
}

// changed is the error of a record that is not any more where it was.
func (f *openFile) changed(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: the file has changed since it was checked", f.path)
	}
	return fmt.Errorf("%s: %w", f.path, err)
}

// places are where records begin, one for every stretch of a file: 16 bytes for 32 KiB,
// so that the index of a file of ten gigabytes takes five megabytes. A record is found
// by reading on from the place before it.
type places []place

type place struct{ offset, first int64 } // where it is, and the number of the record that begins there

// stretch is how many bytes lie between two places at least.
const stretch = 32 << 10

// note adds a place where the last one lies far enough behind.
func (p *places) note(offset, record int64) {
	if n := len(*p); n == 0 || offset-(*p)[n-1].offset >= stretch {
		*p = append(*p, place{offset, record})
	}
}

// before is the last place that is not after the record.
func (p places) before(record int64) place {
	return p[sort.Search(len(p), func(i int) bool { return p[i].first > record })-1]
}

// longestRecord is the longest line or element that is read: a prompt of a million
// tokens takes some four megabytes, images in a prompt take more.
const longestRecord = 64 << 20

var errTooLong = errors.New("the record is longer than 64 MiB; is a quote or a bracket not closed?")

// bounded reads no more than the longest record at a time.
type bounded struct {
	io.Reader
	left int
}

func newBounded(r io.Reader) *bounded { return &bounded{r, longestRecord} }

// again begins another record.
func (b *bounded) again() { b.left = longestRecord }

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.Reader.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// A lineError is what is wrong with one line of a file.
type lineError struct {
	line int64 // from 1
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("%d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

// inFile says in which file something is wrong, as editors know to open it at the line.
func inFile(path string, err error) error {
	if _, ok := errors.AsType[*lineError](err); ok {
		return fmt.Errorf("%s:%w", path, err)
	}
	return fmt.Errorf("%s: %w", path, err)
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
