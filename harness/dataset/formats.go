package dataset

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// A fileFormat is a form of files.
type fileFormat struct {
	kind       Kind     // its name in the data of a run
	holds      string   // for a reader: what such a file holds
	noun       string   // what one record is
	extensions []string // endings of its files
	turns      bool     // its conversations can be asked turn by turn

	// sniff reports whether a file with one of the endings has this format. nil: each has
	// that no format before it in the table has.
	sniff func(*sample) bool
	// read checks a whole file and finds its records.
	read func(*File, *source.File) (*records, error)
}

// formats is the table of all formats. The first that takes a file reads it. A new format is
// one more file in this folder and one entry here: sentences, errors and documents know it
// from this table.
func formats() []fileFormat {
	return []fileFormat{
		alpacaFormat(),
		mtBenchFormat(),
		shareGPTFormat(),
		linesFormat(),
		tableFormat(),
		textFormat(),
	}
}

// Formats is the formats that files may have, with the endings of each, in one phrase.
func Formats() string {
	var all []string
	for _, f := range formats() {
		all = append(all, f.holds+" ("+enumerated(f.extensions)+")")
	}
	return enumerated(all)
}

// FormatTable is the same as a table in Markdown.
func FormatTable() string {
	rows := "| files | endings |\n|---|---|\n"
	for _, f := range formats() {
		rows += "| " + f.holds + " | `" + strings.Join(f.extensions, "`, `") + "` |\n"
	}
	return rows
}

// Extensions is the endings of files that can be read, in one phrase.
func Extensions() string { return enumerated(extensions(false)) }

// Reads reports whether there is a format for files with the ending of this one.
func Reads(path string) bool { return slices.Contains(extensions(false), filepath.Ext(path)) }

// extensions are the endings of all files, or of those with turns.
func extensions(turns bool) (all []string) {
	for _, f := range formats() {
		for _, ext := range f.extensions {
			if (f.turns || !turns) && !slices.Contains(all, ext) {
				all = append(all, ext)
			}
		}
	}
	return all
}

// format is the format that the file has; nil where none has its ending.
func (d *File) format() *fileFormat {
	d.chosen.Do(func() {
		if d.Whole {
			of := wholeFormat()
			d.is = &of
			return
		}
		ext := filepath.Ext(d.first())
		var beginning *sample
		for _, f := range formats() {
			if !slices.Contains(f.extensions, ext) {
				continue
			}
			if f.sniff != nil && beginning == nil {
				beginning = d.sample(ext)
			}
			if f.sniff == nil || f.sniff(beginning) {
				d.is = &f
				return
			}
		}
	})
	return d.is
}

// A sample is the beginning of a file, by which its format is known. What cannot be read is
// left empty: what is wrong with it is said where all of it is read.
type sample struct {
	extension string
	array     bool                       // JSON: an array stands around the objects
	fields    map[string]json.RawMessage // JSON: of the first object
	columns   []string                   // Parquet: their names
	turns     bool                       // the scenario asks for turns
}

func (d *File) sample(ext string) *sample {
	s := &sample{extension: ext, turns: d.Turns > 0}
	if d.FS == nil {
		return s
	}
	if ext == ".parquet" {
		s.columns = d.columns()
		return s
	}
	file, err := source.OpenText(d.FS, d.first())
	if err != nil {
		return s
	}
	defer file.Close()
	if ext == ".json" {
		s.firstElement(file)
	} else {
		s.firstLine(file)
	}
	return s
}

// firstElement takes the first object of a file of JSON.
func (s *sample) firstElement(file *source.File) {
	split := source.NewElements(file.From(0), 0, "")
	if split.Begin() != nil || split.Next(true) != nil {
		return
	}
	s.array = !split.Plain
	s.take(split.Object)
}

// firstLine takes the first object of lines of JSON.
func (s *sample) firstLine(file *source.File) {
	for l := source.NewLines(file.From(0), 0); l.Scan(); {
		if text := l.Text(); text != nil {
			if s.array = bytes.TrimSpace(text)[0] == '['; !s.array {
				s.take(text)
			}
			return
		}
	}
}

func (s *sample) take(object []byte) {
	if json.Unmarshal(object, &s.fields) != nil {
		s.fields = nil
	}
}

// columns are the names of those of a Parquet file.
func (d *File) columns() (names []string) {
	file, err := source.Open(d.FS, d.first())
	if err != nil {
		return nil
	}
	defer file.Close()
	opened, err := source.OpenParquet(file, false)
	if err != nil {
		return nil
	}
	for _, field := range opened.Schema().Fields() {
		names = append(names, field.Name())
	}
	return names
}
