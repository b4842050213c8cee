package source

import (
	"bufio"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// mostPage bounds what a page of a column is when it is unpacked. Writers make pages of
// about one MiB.
const mostPage = 256 << 20

// checkPages reads the heads of all pages. The library makes room for what they say, up to
// 2 GiB each, before it looks whether the file is as long.
func checkPages(file *File, opened *parquet.File) error {
	for _, group := range opened.Metadata().RowGroups {
		for _, column := range group.Columns {
			if err := checkPagesOf(file, &column.MetaData); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkPagesOf(file *File, column *format.ColumnMetaData) error {
	at := column.DataPageOffset
	if dictionary := column.DictionaryPageOffset; dictionary > 0 && dictionary < at {
		at = dictionary
	}
	end := at + column.TotalCompressedSize
	if at < 0 || column.TotalCompressedSize < 0 || end > file.Size || end < at {
		return fmt.Errorf("the file is broken: the column %q is said to end after the file", columnName(column))
	}
	for at < end {
		rest := io.NewSectionReader(file, at, end-at)
		buffered := bufio.NewReaderSize(rest, 512)
		var head format.PageHeader
		if thrift.NewDecoder(new(thrift.CompactProtocol).NewReader(buffered)).Decode(&head) != nil {
			return nil // the library says what is wrong
		}
		read, _ := rest.Seek(0, io.SeekCurrent)
		at += read - int64(buffered.Buffered())
		switch {
		case head.CompressedPageSize < 0 || int64(head.CompressedPageSize) > end-at:
			return fmt.Errorf("the file is broken: a page of the column %q is said to be of %d bytes, and %d are left of the column", columnName(column), head.CompressedPageSize, end-at)
		case head.UncompressedPageSize > mostPage:
			return fmt.Errorf("a page of the column %q has %d MiB unpacked, and at most %d are read; write smaller pages", columnName(column), head.UncompressedPageSize>>20, mostPage>>20)
		}
		at += int64(head.CompressedPageSize)
	}
	return nil
}

func columnName(column *format.ColumnMetaData) string {
	if n := len(column.PathInSchema); n > 0 {
		return column.PathInSchema[0]
	}
	return ""
}
