package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"
)

// A File can be read at any offset, by many goroutines at a time.
type File struct {
	fs.File
	io.ReaderAt
	Path string
	Size int64
}

// Open opens a file. It refuses folders, and files that can only be read from beginning to end.
func Open(files fs.FS, path string) (*File, error) {
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
		return &File{file, at, path, info.Size()}, nil
	}
	return nil, errors.Join(err, file.Close())
}

// From reads the file from an offset on.
func (f *File) From(offset int64) io.Reader {
	return io.NewSectionReader(f.ReaderAt, offset, f.Size-offset)
}

// Changed is the error of a record that is no longer where it was.
func (f *File) Changed(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: the file has changed since it was checked", f.Path)
	}
	return fmt.Errorf("%s: %w", f.Path, err)
}

// Places are where records begin, one for every stretch of a file: 16 bytes for 32 KiB,
// so that the index of a file of ten gigabytes takes five megabytes. A record is found
// by reading on from the place before it.
type Places []Place

// A Place is an offset in a file, and the number of the record that begins there.
type Place struct{ Offset, First int64 }

// stretch is how many bytes lie between two places at least.
const stretch = 32 << 10

// Note adds a place where the last one lies far enough behind.
func (p *Places) Note(offset, record int64) {
	if n := len(*p); n == 0 || offset-(*p)[n-1].Offset >= stretch {
		*p = append(*p, Place{offset, record})
	}
}

// Before is the last place that is not after the record.
func (p Places) Before(record int64) Place {
	return p[sort.Search(len(p), func(i int) bool { return p[i].First > record })-1]
}

// longestRecord is the longest line or element that is read: a prompt of a million
// tokens takes some four megabytes, images in a prompt take more.
const longestRecord = 64 << 20

var errTooLong = errors.New("the record is longer than 64 MiB; is a quote or a bracket not closed?")

// A BoundedReader reads one record of a file, and fails beyond the longest that is allowed.
type BoundedReader struct {
	io.Reader
	left int
}

// NewBounded bounds the first record that r reads.
func NewBounded(r io.Reader) *BoundedReader { return &BoundedReader{r, longestRecord} }

// Reset begins another record.
func (b *BoundedReader) Reset() { b.left = longestRecord }

// Read implements [io.Reader].
func (b *BoundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.Reader.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// A LineError is what is wrong with one line of a file.
type LineError struct {
	Line int64 // from 1
	Err  error
}

// AtLine says on which line something is wrong.
func AtLine(line int64, err error) error { return &LineError{line, err} }

// Error implements error.
func (e *LineError) Error() string { return fmt.Sprintf("%d: %v", e.Line, e.Err) }

// Unwrap is the error without its line.
func (e *LineError) Unwrap() error { return e.Err }

// InFile prefixes an error with its file: path:line where the line is known, as editors open it.
func InFile(path string, err error) error {
	if _, ok := errors.AsType[*LineError](err); ok {
		return fmt.Errorf("%s:%w", path, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}
