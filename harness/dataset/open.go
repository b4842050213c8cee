package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"
)

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
