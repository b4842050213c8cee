package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/parquet-go/parquet-go"
)

// A parquetFile is one that is open.
type parquetFile struct {
	*parquet.File
	under fs.File
}

func (f *parquetFile) close() error { return f.under.Close() }

// openParquet reads no more than the end of the file, where its parts are listed.
func openParquet(files fs.FS, path string) (file *parquetFile, err error) {
	under, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = broken(p)
		}
		if err != nil {
			err = errors.Join(err, under.Close())
		}
	}()
	info, err := under.Stat()
	if err != nil {
		return nil, err
	}
	at, ok := under.(io.ReaderAt)
	if !ok {
		return nil, errors.New("it can only be read from its beginning to its end; Parquet files are read from anywhere")
	}
	opened, err := parquet.OpenFile(at, info.Size(), parquet.SkipBloomFilters(true))
	return &parquetFile{opened, under}, err
}

// recoverParquet turns a panic into an error: the library panics on some files
// that are broken.
func recoverParquet(err *error, path string) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: %w", path, broken(p))
	}
}

func broken(p any) error { return fmt.Errorf("the file is broken: %v", p) }
