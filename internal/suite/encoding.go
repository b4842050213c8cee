package suite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/vllmspec/vllmspec/harness/dataset"
)

// textFS reads feature files as UTF-8 without a byte order mark, however an editor has saved
// them. godog takes the mark for a word.
type textFS struct{ fs.FS }

// Open opens a file of text.
func (t textFS) Open(name string) (fs.File, error) {
	file, err := t.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || info.IsDir() {
		return file, err
	}
	raw, err := io.ReadAll(file)
	if err == nil {
		raw, err = featureText(name, raw)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return textFile{file, bytes.NewReader(raw)}, nil
}

// featureText is the text of a feature file.
func featureText(name string, raw []byte) ([]byte, error) {
	text, err := dataset.UTF8(raw)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	return text, nil
}

// A textFile is a file whose text was converted.
type textFile struct {
	fs.File
	text *bytes.Reader
}

// Read reads the text.
func (f textFile) Read(into []byte) (int, error) { return f.text.Read(into) }
