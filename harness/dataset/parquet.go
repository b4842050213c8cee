package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sort"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/vllmspec/vllmspec/harness"
)

// rowsAtOnce is how many rows of a Parquet file are drawn together. Values lie in pages
// that are decompressed whole, so that to draw each row for itself would read a page
// for every one of them; rows drawn together are neighbours in the file, in an order of their own.
const rowsAtOnce = 16

// parquetRow is what is read of a row.
type parquetRow struct {
	Prompt    string `parquet:"prompt,optional"`
	MaxTokens int64  `parquet:"max_tokens,optional"`
}

func (r parquetRow) line() line { return line{Prompt: r.Prompt, MaxTokens: r.MaxTokens} }

// parquetRecords are the rows of a file. Its row groups are checked in parallel.
func parquetRecords(file *openFile, virtual bool, read reading, told progress) (r *records, err error) {
	defer recoverParquet(&err)
	opened, err := openParquet(file, virtual)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, field := range opened.Schema().Fields() {
		names = append(names, field.Name())
	}
	if !slices.Contains(names, "prompt") {
		return nil, fmt.Errorf("the columns are %q; one must be named prompt, another can be max_tokens", names)
	}
	groups := opened.RowGroups()
	units := make([]int64, len(groups)+1) // until each group
	rows := int64(0)
	for i, g := range groups {
		units[i+1] = units[i] + (g.NumRows()+rowsAtOnce-1)/rowsAtOnce
		rows += g.NumRows()
	}
	if err := checkGroups(groups, read, told, file.size); err != nil {
		return nil, err
	}
	again := func(unit int64) ([]harness.Conversation, error) {
		i := sort.Search(len(groups), func(i int) bool { return units[i+1] > unit })
		return readRows(file, groups[i], (unit-units[i])*rowsAtOnce, read)
	}
	return &records{units: units[len(groups)], usable: rows, read: again, file: file}, nil
}

// checkGroups reads every row, several groups at a time.
func checkGroups(groups []parquet.RowGroup, read reading, told progress, size int64) error {
	errs := make([]error, len(groups))
	inOrder(len(groups), func(i int) error {
		errs[i] = checkGroup(groups[i], read)
		return errs[i]
	}, func(done int) { told.tell(size*int64(done)/int64(len(groups)), size) })
	before := int64(0)
	for i, g := range groups {
		if bad, ok := errors.AsType[*lineError](errs[i]); ok {
			return &lineError{before + bad.line, bad.err}
		} else if errs[i] != nil {
			return errs[i]
		}
		before += g.NumRows()
	}
	return nil
}

// checkGroup reads every row of a group; its errors count rows from the group's first.
func checkGroup(group parquet.RowGroup, read reading) (err error) {
	defer recoverParquet(&err)
	rows := parquet.NewGenericRowGroupReader[parquetRow](group)
	defer rows.Close()
	batch := make([]parquetRow, 64)
	for number := int64(0); ; {
		n, err := rows.Read(batch)
		for _, r := range batch[:n] {
			number++
			if _, err := read(r.line(), false); err != nil {
				return &lineError{number, err}
			}
		}
		switch {
		case errors.Is(err, io.EOF) && number != group.NumRows():
			return fmt.Errorf("the file is broken: a row group has %d rows and says that it has %d", number, group.NumRows())
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// readRows reads the rows of a unit, which do not reach into the next row group.
func readRows(file *openFile, group parquet.RowGroup, from int64, read reading) (out []harness.Conversation, err error) {
	defer recoverParquet(&err)
	rows := parquet.NewGenericRowGroupReader[parquetRow](group)
	defer rows.Close()
	if err := rows.SeekToRow(from); err != nil {
		return nil, file.changed(err)
	}
	batch := make([]parquetRow, min(rowsAtOnce, group.NumRows()-from))
	for got := 0; got < len(batch); {
		n, err := rows.Read(batch[got:])
		if got += n; n == 0 && err != nil {
			return nil, file.changed(err)
		}
	}
	for _, r := range batch {
		c, err := read(r.line(), true)
		if err != nil {
			return nil, file.changed(err)
		}
		out = append(out, c)
	}
	return out, nil
}

// openParquet reads the end of a file, where its parts are listed.
func openParquet(file *openFile, virtual bool) (opened *parquet.File, err error) {
	defer recoverParquet(&err)
	if err := checkFooter(file); err != nil {
		return nil, err
	}
	opened, err = parquet.OpenFile(file, file.size, parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	return opened, checkCompression(opened, virtual)
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
func checkFooter(file *openFile) error {
	var end [8]byte
	if _, err := file.ReadAt(end[:], max(0, file.size-8)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch length := int64(binary.LittleEndian.Uint32(end[:4])); {
	case string(end[4:]) != "PAR1":
		return errors.New("it is no Parquet file, or its end is missing")
	case length > file.size-12:
		return errors.New("the file is broken: its footer is longer than the file")
	}
	return nil
}

// recoverParquet turns a panic into an error: the library panics on some files
// that are broken.
func recoverParquet(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the file is broken: %v", p)
	}
}

// openStored opens requests.parquet, which was written with Snappy.
func openStored(files fs.FS, path string) (*openFile, *parquet.File, error) {
	file, err := open(files, path)
	if err != nil {
		return nil, nil, err
	}
	opened, err := openParquet(file, true)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return file, opened, nil
}
