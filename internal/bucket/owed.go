package bucket

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/internal/disk"
)

// Runs are names of runs.
type Runs []string

// runsIn are the runs in a folder of runs: groups of several runs last, so that in a bucket too no group stands there before
// its runs.
func runsIn(folder string) (Runs, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var single, groups Runs
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), begins) {
			continue
		}
		if _, err := os.Stat(filepath.Join(folder, entry.Name(), "trials.json")); err == nil {
			groups = append(groups, entry.Name())
		} else {
			single = append(single, entry.Name())
		}
	}
	return append(single, groups...), err
}

// What the name of a run begins with: this, and when it began.
const (
	begins = "run="
	stamp  = "20060102T150405Z"
)

// owedName is the file, in a folder of runs, that says since when runs are to be sent.
const owedName = ".unsent"

// Owed is what is still to be sent from a folder of runs to a bucket: the runs that began at an instant or after it. It stands
// in a file of the folder from before a load until all have been sent, so that those of a process that was killed
// are sent too; a line for each bucket: its address, and the instant as names of runs have it.
type Owed struct {
	Disk   *disk.Disk // nil: the system's
	Folder string
	To     Address
}

// Begin notes that runs from now on are to be sent, unless earlier ones are too.
func (o Owed) Begin(now time.Time) error {
	return o.change(func(since string) string {
		if since == "" {
			return now.UTC().Format(stamp)
		}
		return since
	})
}

// Since is since when runs are to be sent, as their names have it; "" where none are.
func (o Owed) Since() (since string) {
	for _, line := range o.lines() {
		if text, ours := strings.CutPrefix(line, o.To.String()+"\t"); ours {
			since = text
		}
	}
	return since
}

// Runs are those that began then or later; none where since is "".
func (o Owed) Runs(since string) (Runs, error) {
	all, err := runsIn(o.Folder)
	return slices.DeleteFunc(all, func(run string) bool { return since == "" || strings.TrimPrefix(run, begins) < since }), err
}

// Settle notes that all runs from then on have been sent. What another process has begun before that stays.
func (o Owed) Settle(since string) error {
	return o.change(func(noted string) string {
		if noted < since {
			return noted
		}
		return ""
	})
}

// change changes since when runs are to be sent, one process after the other.
func (o Owed) change(to func(since string) string) error {
	if err := o.Disk.MakeAll(o.Folder); err != nil {
		return err
	}
	return o.Disk.Exclusive(o.Folder, func() error {
		since := to(o.Since())
		lines := slices.DeleteFunc(o.lines(), func(line string) bool { return strings.HasPrefix(line, o.To.String()+"\t") })
		if since != "" {
			lines = append(lines, o.To.String()+"\t"+since)
		}
		path := filepath.Join(o.Folder, owedName)
		if len(lines) > 0 {
			return o.Disk.Replace(path, []byte(strings.Join(lines, "\n")+"\n"))
		}
		if err := o.Disk.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

func (o Owed) lines() []string {
	text, _ := os.ReadFile(filepath.Join(o.Folder, owedName)) // without it nothing is owed
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
}
