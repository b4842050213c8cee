// Package packed unpacks files: those that are compressed (.gz, .zst) and archives (.zip, .tar). What comes out of
// one is bounded: a small file that unpacks to a huge one is refused, and nothing is written beside its folder.
package packed

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/vllmspec/vllmspec/internal/disk"
)

// Bounds of what comes out of a file.
const (
	// Most is all of it together.
	Most = 64 << 30
	// ratio is how many times larger it may be than the file, beyond what any file may come to.
	ratio   = 250
	anyFile = 64 << 20
	// members is how many files an archive may hold.
	members = 1_000_000
	// window is how far back a file of Zstandard may point.
	window = 128 << 20
)

// A Form is how a file is packed.
type Form int

// The forms. A compressed archive is an archive.
const (
	None Form = iota
	Compressed
	Archive
)

// FormOf is the form of a file by its name, and its name without the ending.
func FormOf(name string) (Form, string) {
	lower := strings.ToLower(name)
	for _, ending := range []string{".tar.gz", ".tgz", ".tar.zst", ".tar", ".zip"} {
		if strings.HasSuffix(lower, ending) {
			return Archive, name[:len(name)-len(ending)]
		}
	}
	for _, ending := range []string{".gz", ".zst"} {
		if strings.HasSuffix(lower, ending) {
			return Compressed, name[:len(name)-len(ending)]
		}
	}
	return None, name
}

// Endings are those of packed files, in one phrase.
const Endings = ".gz, .zst, .zip, .tar, .tar.gz, .tgz or .tar.zst"

// A Budget is how many bytes may still come out of a file, and out of what is packed in it.
type Budget struct{ left, wrote int64 }

// BudgetOf is that of a file of so many bytes.
func BudgetOf(size int64) *Budget { return &Budget{left: min(Most, max(anyFile, ratio*size))} }

// An Unpacker unpacks files.
type Unpacker struct {
	Disk   *disk.Disk // that is written to; nil: the system's
	Budget *Budget    // of all that it unpacks together; nil: that of each file
}

// Unpack unpacks a file into a folder, until the context ends: a compressed one as the one file of this name, an archive
// with the names that it has.
func (p Unpacker) Unpack(ctx context.Context, path, folder, name string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	u := &unpacking{ctx: ctx, disk: p.Disk, folder: folder, Budget: p.Budget}
	if u.Budget == nil {
		u.Budget = BudgetOf(info.Size())
	}
	form, _ := FormOf(path)
	lower := strings.ToLower(path)
	if strings.HasSuffix(lower, ".zip") {
		return u.zip(file, info.Size())
	}
	text, closed, err := decompressed(file, lower)
	if err != nil {
		return err
	}
	defer closed()
	if form == Archive {
		return u.tar(&passing{text, u, u.left + 1<<30}) // headers and padding are not written
	}
	return u.write(name, text)
}

// decompressed is what a file holds, by its ending.
func decompressed(file io.Reader, name string) (io.Reader, func(), error) {
	switch {
	case strings.HasSuffix(name, ".gz"), strings.HasSuffix(name, ".tgz"):
		from, err := gzip.NewReader(file)
		if err != nil {
			return nil, nil, inOurWords(err)
		}
		return from, func() { _ = from.Close() }, nil
	case strings.HasSuffix(name, ".zst"):
		from, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window), zstd.WithDecoderMaxMemory(Most))
		if err != nil {
			return nil, nil, inOurWords(err)
		}
		return from, from.Close, nil
	}
	return file, func() {}, nil
}

// An unpacking writes what comes out of a file, as long as it is not too much.
type unpacking struct {
	ctx    context.Context
	disk   *disk.Disk
	folder string
	*Budget
}

// passing is what comes out of a file, as long as nothing ends that and there is not too much of it, whether it is written or
// not.
type passing struct {
	io.Reader
	of   *unpacking
	most int64
}

func (p *passing) Read(into []byte) (int, error) {
	if p.of.ctx.Err() != nil {
		return 0, context.Cause(p.of.ctx)
	}
	n, err := p.Reader.Read(into)
	if p.most -= int64(n); p.most < 0 {
		return 0, p.of.tooMuch()
	}
	return n, err
}

func (u *unpacking) tooMuch() error {
	return fmt.Errorf("it unpacks to more than %d MiB, which is %d times its size: %w; unpack it yourself where you trust it", u.wrote>>20, ratio, errBomb)
}

var errBomb = errors.New("it is broken, or means harm")

// write writes one file.
func (u *unpacking) write(name string, from io.Reader) error {
	path := filepath.Join(u.folder, filepath.FromSlash(name))
	if err := u.disk.MakeAll(filepath.Dir(path)); err != nil {
		return err
	}
	file, err := u.disk.Create(path)
	if err != nil {
		return err
	}
	n, err := io.Copy(file, io.LimitReader(&passing{from, u, math.MaxInt64}, u.left+1))
	u.left, u.wrote = u.left-n, u.wrote+n
	switch {
	case err != nil:
		err = inOurWords(err)
	case u.left < 0:
		err = u.tooMuch()
	}
	return errors.Join(err, file.Close())
}

// inOurWords says what is wrong with a packed file.
func inOurWords(err error) error {
	switch {
	case errors.Is(err, gzip.ErrHeader):
		return errors.New("it is not compressed with gzip, as its ending says")
	case errors.Is(err, zstd.ErrMagicMismatch):
		return errors.New("it is not compressed with Zstandard, as its ending says")
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("it is compressed with a window of more than %d MiB; compress it without --ultra or --long", window>>20)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return errors.New("it is broken: its checksum is another one")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("it is cut off: its end is missing")
	}
	if _, ok := errors.AsType[*os.PathError](err); ok || errors.Is(err, errBomb) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("it cannot be unpacked: %w", err)
}
