package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/line"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// first is the file whose beginning tells the format.
func (d *File) first() string {
	if len(d.Parts) > 0 {
		return d.Parts[0]
	}
	return d.Path
}

// closers closes all parts of a dataset.
type closers []io.Closer

func (all closers) Close() error {
	var errs []error
	for _, one := range all {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}

// shownParts is how many files of a dataset a note names.
const shownParts = 8

// openParts checks all files of a dataset that lies in several, and numbers their records one after the other.
func (d *File) openParts() (_ *records, err error) {
	all := &records{}
	var parts []*records
	var open closers
	before := []int64{0} // units until each part
	var empty []string
	for _, path := range d.Parts {
		part := &File{FS: d.FS, Path: path, Name: d.name() + "/" + path, MaxTokens: d.MaxTokens, IgnoreEOS: d.IgnoreEOS, Turns: d.Turns, Recorded: d.Recorded,
			Virtual: d.Virtual, Progress: d.Progress, partOf: d}
		is, err := part.openFile()
		if _, none := errors.AsType[nothing](err); none {
			empty = append(empty, path)
			continue
		}
		if err == nil && part.format().kind != d.format().kind {
			err = errors.Join(fmt.Errorf("%s: it holds %s, and %s holds %s; name a file, or put those of one form into a folder", part.name(), part.format().holds, d.Parts[0], d.format().holds), is.file.Close())
		}
		if err != nil {
			return nil, errors.Join(err, open.Close())
		}
		all.usable += is.usable
		all.left.Add(&is.left, all.left.Of, 0)
		all.notes = append(all.notes, is.notes...)
		parts, open, before = append(parts, is), append(open, is.file), append(before, before[len(before)-1]+is.units)
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("%s: there is no %s in its %d files", d.name(), d.format().noun, len(d.Parts))
	}
	if len(empty) > 0 {
		all.notes = append(all.notes, fmt.Sprintf("%s: %d of its %d files hold no %s: %s", d.name(), len(empty), len(d.Parts), d.format().noun, strings.Join(empty[:min(len(empty), shownParts)], ", ")))
	}
	all.units, all.file = before[len(parts)], open
	all.read = func(unit int64) ([]harness.Conversation, error) {
		i := sort.Search(len(parts), func(i int) bool { return before[i+1] > unit })
		return parts[i].read(unit - before[i])
	}
	return all, nil
}

// wholeFormat is the form of files each of which is one prompt.
func wholeFormat() fileFormat {
	return fileFormat{kind: KindPrompts, holds: "a prompt each file", noun: "prompt"}
}

// openTexts checks files each of which is one prompt.
func (d *File) openTexts() (*records, error) {
	if d.Turns > 0 {
		return nil, fmt.Errorf("%s holds single prompts; conversations with turns are drawn from files like the dumps of ShareGPT (%s)", d.name(), enumerated(extensions(true)))
	}
	all := &records{units: int64(len(d.Parts)), file: closers{}}
	all.left.Of = all.units
	for i, path := range d.Parts {
		_, err := d.text(path)
		if all.left.Take(int64(i), 0, err) {
			continue
		}
		if err != nil {
			return nil, source.InFile(d.name()+"/"+path, err)
		}
		all.usable++
	}
	if err := all.left.Check("prompts"); err != nil {
		return nil, source.InFile(d.name(), err)
	}
	if all.usable == 0 {
		return nil, fmt.Errorf("%s: there is no prompt in it", d.name())
	}
	all.read = func(unit int64) ([]harness.Conversation, error) {
		c, err := d.text(d.Parts[unit])
		if _, ok := errors.AsType[*source.Unaskable](err); ok {
			return nil, nil
		}
		if err != nil {
			return nil, source.InFile(d.name()+"/"+d.Parts[unit], err)
		}
		return []harness.Conversation{c}, nil
	}
	return all, nil
}

// longestText is how long a file may be that is one prompt.
const longestText = 64 << 20

// text is the prompt that a file is. The line break at its end is the editor's.
func (d *File) text(path string) (c harness.Conversation, err error) {
	info, err := fs.Stat(d.FS, path)
	if err != nil {
		return c, err
	}
	if info.Size() > longestText {
		return c, fmt.Errorf("it has %d MiB; a prompt has %d at most", info.Size()>>20, longestText>>20)
	}
	raw, err := fs.ReadFile(d.FS, path)
	if err != nil {
		return c, err
	}
	text, err := source.UTF8(raw)
	if err != nil {
		return c, err
	}
	prompt := strings.TrimRight(string(text), "\r\n")
	if strings.TrimSpace(prompt) == "" {
		return c, source.NewUnaskable(source.EmptyPrompt, path+" is empty")
	}
	return prompts{d}.conversation(line.Line{Prompt: prompt, Asks: true}, true)
}
