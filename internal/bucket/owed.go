package bucket

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/internal/disk"
)

// Runs are names of runs.
type Runs []string

// RunsIn are the runs in a folder of runs: groups of several runs last, so that in a bucket too no group stands there before
// its runs.
func RunsIn(folder string) (Runs, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var single, groups Runs
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), "run=") {
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

// Without is those that are not among others.
func (r Runs) Without(others Runs) Runs {
	known := map[string]bool{}
	for _, run := range others {
		known[run] = true
	}
	return slices.DeleteFunc(slices.Clone(r), func(run string) bool { return known[run] })
}

// owedName is the file, in a folder of runs, that names those which are still to be sent.
const owedName = ".unsent"

// Owed is what is still to be sent from a folder of runs to a bucket. It stands in a file of the folder, a line a run: the
// address of the bucket, and the name of the run.
type Owed struct {
	Disk   *disk.Disk // nil: the system's
	Folder string
	To     Address
}

// Runs are those that are owed.
func (o Owed) Runs() (owed Runs) {
	for _, line := range o.lines() {
		if run, ours := strings.CutPrefix(line, o.To.String()+"\t"); ours && strings.HasPrefix(run, "run=") && filepath.Base(run) == run {
			owed = append(owed, run)
		}
	}
	return owed
}

// With is the runs that are owed and still here, and others after them.
func (o Owed) With(others Runs) Runs {
	here := slices.DeleteFunc(o.Runs().Without(others), func(run string) bool {
		_, err := os.Stat(filepath.Join(o.Folder, run, manifest))
		return err != nil
	})
	return append(here, others...)
}

// Keep notes which runs are owed now.
func (o Owed) Keep(runs Runs) error {
	lines := slices.DeleteFunc(o.lines(), func(line string) bool { return strings.HasPrefix(line, o.To.String()+"\t") })
	for _, run := range runs {
		lines = append(lines, o.To.String()+"\t"+run)
	}
	path := filepath.Join(o.Folder, owedName)
	if len(lines) == 0 {
		if err := o.Disk.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return o.Disk.Replace(path, []byte(strings.Join(lines, "\n")+"\n"))
}

func (o Owed) lines() []string {
	text, _ := os.ReadFile(filepath.Join(o.Folder, owedName)) // without it nothing is owed
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
}
