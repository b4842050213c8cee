package source

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// OpenParquet reads the end of a file, where its parts are listed.
func OpenParquet(file *File, virtual bool) (opened *parquet.File, err error) {
	defer RecoverParquet(&err)
	if err := checkFooter(file); err != nil {
		return nil, err
	}
	opened, err = parquet.OpenFile(file, file.Size, parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	if err := checkCompression(opened, virtual); err != nil {
		return nil, err
	}
	return opened, checkPages(file, opened)
}

// RecoverParquet turns a panic into an error: the library panics on some files
// that are broken.
func RecoverParquet(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the file is broken: %v", p)
	}
}

// OpenParquetFile opens requests.parquet, which was written with Snappy.
func OpenParquetFile(files fs.FS, path string) (*File, *parquet.File, error) {
	file, err := Open(files, path)
	if err != nil {
		return nil, nil, err
	}
	opened, err := OpenParquet(file, true)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return file, opened, nil
}

// checkCompression refuses what would end the process. Where an LZ4 page is broken, the
// library takes ever more memory to decompress it; and its decoders of Zstd hold channels,
// which do not survive from one testing/synctest bubble to the next.
func checkCompression(opened *parquet.File, virtual bool) error {
	for _, group := range opened.Metadata().RowGroups {
		for _, column := range group.Columns {
			switch codec := column.MetaData.Codec; {
			case codec == format.Lz4Raw:
				return fmt.Errorf("it is compressed with %v; write it with Snappy, gzip, Brotli or Zstd", codec)
			case codec == format.Zstd && virtual:
				return fmt.Errorf("it is compressed with %v, which cannot be read in virtual time; write it with Snappy, or bring the load to a server", codec)
			}
		}
	}
	return nil
}

// checkFooter reads the last eight bytes, where the length of the list stands: the
// library makes room for what they say before it looks whether the file is as long.
func checkFooter(file *File) error {
	var end [8]byte
	if file.Size < int64(len(end)) {
		return fmt.Errorf("it is no Parquet file: it has %d bytes", file.Size)
	}
	if _, err := file.ReadAt(end[:], file.Size-8); err != nil {
		return err
	}
	switch length := int64(binary.LittleEndian.Uint32(end[:4])); {
	case string(end[4:]) != "PAR1":
		return errors.New("it is no Parquet file, or its end is missing")
	case length > file.Size-12:
		return errors.New("the file is broken: its footer is longer than the file")
	}
	return nil
}
