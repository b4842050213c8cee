package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/line"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// A File is a dataset in a file, in any of the [Formats]. What is asked can be asked again
// and again: any number of streams share one File, which is checked and opened once.
//
// What a record of prompts asks the server for is sent as it stands: there, fields that are not
// known are named once, and those that look like a slip are an error. Records that cannot be asked
// are left out and counted, unless most cannot. Text is UTF-8, or UTF-16 with a byte order mark.
type File struct {
	FS        fs.FS
	Path      string
	Name      string                  // of the dataset for a reader, where that is not its path
	Parts     []string                // files that it lies in, where it is not one, and Path is then not looked at
	Whole     bool                    // each of the parts is one prompt, whatever lines it has
	Sample    bool                    // it comes along, to try things with
	Notes     []string                // what a reader should know of where it came from
	MaxTokens int                     // bound of every answer; 0: the server's
	IgnoreEOS bool                    // every answer runs to the bound
	Turns     int                     // questions of a conversation; those that have fewer are left out; 0: the format's own way, else as 1
	Recorded  bool                    // history is the recorded answers, not the server's own
	Virtual   bool                    // drawn in virtual time
	Progress  func(done, total int64) // is called now and then with how many bytes have been checked; nil: it is not

	shared shared
	fields line.Unknowns
	partOf *File // the dataset that this is one part of; nil: it is all of it

	answered atomic.Bool // some chats end in an answer, which is not asked
	chosen   sync.Once
	is       *fileFormat // nil: no format has such an ending
}

func (d *File) String() string {
	s := describe(d.name(), d.MaxTokens, d.IgnoreEOS)
	if d.Turns > 1 {
		s += fmt.Sprintf(", %d turns", d.Turns)
	}
	if d.Recorded {
		s += " with the recorded answers"
	}
	return s
}

// Conversations implements [harness.Dataset].
func (d *File) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	all, err := d.shared.open(d.open)
	if err != nil {
		return nil, err
	}
	return shuffled(r, all), nil
}

// Count is how many different conversations there are that can be asked.
func (d *File) Count() (int, error) {
	all, err := d.shared.open(d.open)
	if err != nil {
		return 0, err
	}
	return int(all.usable), nil
}

// Close closes the file. Nothing can be drawn any more.
func (d *File) Close() error { return d.shared.close() }

// name is what a reader knows the dataset by.
func (d *File) name() string { return cmp.Or(d.Name, d.Path) }

// all is the dataset that this is a part of, or itself.
func (d *File) all() *File { return cmp.Or(d.partOf, d) }

// unknown are the fields that are not known, of all parts together.
func (d *File) unknown() *line.Unknowns { return &d.all().fields }

// open checks all of the dataset.
func (d *File) open() (*records, error) {
	switch {
	case d.Whole:
		return d.openTexts()
	case d.Parts != nil:
		return d.openParts()
	}
	return d.openFile()
}

// openFile finds out which format the file has, and checks all of it.
func (d *File) openFile() (*records, error) {
	is := d.format()
	switch {
	case is == nil:
		return nil, fmt.Errorf("%s: files of prompts end in %s", d.name(), Extensions())
	case d.Turns > 0 && !is.turns:
		return nil, fmt.Errorf("%s holds single prompts; conversations with turns are drawn from files like the dumps of ShareGPT (%s)", d.name(), enumerated(extensions(true)))
	}
	opening := source.OpenText
	if d.isParquet() {
		opening = source.Open
	}
	file, err := opening(d.FS, d.Path)
	if err != nil {
		return nil, err
	}
	file.Path = d.name()
	all, err := is.read(d, file)
	if err == nil {
		err = all.left.Check(is.noun + "s")
	}
	switch {
	case err != nil:
	case all.usable > 0:
		return all, nil
	case is.turns && all.units > 0:
		err = fmt.Errorf("no conversation has %d turns", d.Turns)
	default:
		err = nothing{is.noun}
	}
	return nil, errors.Join(source.InFile(d.name(), err), file.Close())
}

// nothing is that a file holds nothing to ask.
type nothing struct{ noun string }

func (n nothing) Error() string { return fmt.Sprintf("there is no %s in it", n.noun) }

// isParquet reports whether the file is Parquet, and no text.
func (d *File) isParquet() bool { return filepath.Ext(d.first()) == ".parquet" }

// Remarks are what a reader should know of the file: how it was read, how much of it is
// left out, and fields that are not sent.
func (d *File) Remarks() []string {
	all := d.remarks()
	if d.Sample {
		all = append(all, d.name()+" is a sample that comes along: its prompts are made up, and not your traffic")
	}
	return all
}

// remarks are those of what is in the dataset.
func (d *File) remarks() []string {
	noun := ""
	if is := d.format(); is != nil {
		noun = is.noun + "s"
	}
	all := slices.Concat(d.Notes, d.shared.remarks(d.name(), noun), d.fields.Remark(d.name()))
	if d.answered.Load() {
		all = append(all, d.name()+": the answers that its chats end in are not asked")
	}
	return all
}

// Warnings are those of them that belong to the warnings of a run. That conversations are
// shorter than the scenario asks for is none: it leaves them out.
func (d *File) Warnings() []string {
	if all := d.shared.records; all != nil && all.left.Sum() == all.left.Counts[source.FewTurns] {
		return slices.Concat(d.Notes, all.notes, d.fields.Remark(d.name()))
	}
	return d.remarks()
}

// enumerated is a list for a reader: ".json, .jsonl or .csv".
func enumerated(all []string) string {
	if n := len(all) - 1; n > 0 {
		return strings.Join(all[:n], ", ") + " or " + all[n]
	}
	return strings.Join(all, "")
}
