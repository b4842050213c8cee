package origin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/query"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
	"github.com/vllmspec/vllmspec/internal/redact"
)

// isQuery reports whether a file holds a query.
func isQuery(name string) bool { return strings.EqualFold(filepath.Ext(name), ".sql") }

// queried is the rows of a query, as a file of lines that goes with the process.
func (o *Origins) queried(path string) (Files, error) {
	name := filepath.Base(path)
	text, err := os.ReadFile(path)
	if err != nil {
		return Files{}, err
	}
	utf8, err := source.UTF8(text)
	if err != nil {
		return Files{}, source.InFile(name, err)
	}
	in, err := o.database()
	if err != nil {
		return Files{}, fmt.Errorf("%s: %w", name, err)
	}
	folder, err := o.scratch()
	if err != nil {
		return Files{}, err
	}
	file, err := o.Disk.Create(filepath.Join(folder, name+".jsonl"))
	if err != nil {
		return Files{}, err
	}
	until, cancel := o.untilInterrupted()
	defer cancel()
	if o.Say != nil {
		o.Say("Asking the database for the rows of " + name)
	}
	err = query.Rows(until, in, string(utf8), file)
	if err := errors.Join(err, file.Close()); err != nil {
		wrong := source.InFile(name, err)
		return Files{}, &redact.Error{Text: o.Hide.Text(wrong.Error()), Err: wrong}
	}
	return Files{FS: os.DirFS(folder), Path: name + ".jsonl", Name: "rows of " + name}, nil
}

// database is the one that is named.
func (o *Origins) database() (query.Database, error) {
	if o.Database == "" {
		return query.Database{}, errors.New("the query needs a database; name one in VLLMSPEC_PROMPTS_DB: postgres://user@host:5432/name, or sqlite:data/prompts.db")
	}
	path, isFile := strings.CutPrefix(o.Database, "sqlite:")
	if !isFile {
		return query.Database{Postgres: o.Database}, nil
	}
	if at, found := o.local(path); found {
		path = at
	}
	return query.Database{SQLite: path}, nil
}
