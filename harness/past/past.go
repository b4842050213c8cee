// Package past finds the runs of another time that a scenario is held against: those of a baseline's file, its own
// last runs, or one that is stored.
package past

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness/history"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// A Reference is how a scenario names runs of another time: [File], [Last] or [Stored].
type Reference interface {
	Find(of Scenario) (Runs, error)
}

// A Scenario is what is held against them.
type Scenario struct {
	Name     string
	Identity history.Identity
	Labels   map[string]string                             // by which runs are alike
	Renew    func(file string) string                      // the command that makes a baseline's file of its run
	Ask      func(q history.Query) ([]*history.Run, error) // of the history; nil: there is none
}

// Runs are those that were found.
type Runs struct {
	Name        string
	Base        *store.Baseline // nil: there are none
	Raw         []byte          // as a folder keeps them
	Copy        string          // the file in the folder
	Unpaired    bool            // they are of several times, and have no pairs among other runs
	Since, Anew string          // when they were made, and how to have others: parts of a sentence
}

// idTag begins a tag that names a scenario whatever it is called: @id:NAME.
const idTag = "@id:"

// FeatureOf is what of a feature says which runs are of a scenario: its title, and the tags of the scenario. It is nil
// for nothing.
func FeatureOf(title string, tags ...string) *store.Feature {
	of := store.Feature{Title: title}
	for _, tag := range tags {
		if id, is := strings.CutPrefix(tag, idTag); is {
			of.ID = id
		}
	}
	if of == (store.Feature{}) {
		return nil
	}
	return &of
}

// A File is a baseline: the bench.txt of a run that is kept in a file.
type File struct{ Name, Path string }

// Beside is the baseline of a name beside a feature, of which the path as it is shown and the folder are given.
func Beside(feature, folder, name string) (File, error) {
	if name == "" || name != filepath.Base(name) || strings.ContainsAny(name, `/\`) {
		return File{Name: name}, fmt.Errorf("%q is no name of a baseline; it is that of a file in %s/baselines, without .txt", name, path.Dir(feature))
	}
	return File{name, filepath.Join(folder, "baselines", name+".txt")}, nil
}

// Copy is the file in a run's folder that holds what the baseline was when the run was compared with it.
func (f File) Copy() string { return store.CopyOf(f.Name) }

// Check reads the file, which need not be there.
func (f File) Check() error {
	if _, err := store.ReadBaseline(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Find reads the file.
func (f File) Find(of Scenario) (r Runs, err error) {
	again := of.Renew(f.Path)
	r = Runs{Name: f.Name, Copy: f.Copy(), Since: fmt.Sprintf("the baseline %q was made", f.Name), Anew: "make it anew: " + again}
	base, err := store.ReadBaseline(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("there is no baseline %q%s; to make one of this run: %s", f.Name, spelling.DidYouMean(f.Name, store.Baselines(filepath.Dir(f.Path))), again)
	}
	if err == nil {
		r.Base, err = base.Of(of.Name)
	}
	if err == nil {
		r.Raw, err = os.ReadFile(f.Path)
	}
	return r, err
}

// Last is the last runs of the scenario that came to their end, on a branch, or on any for "".
type Last struct {
	Runs   int
	Branch string
}

// ReadLast reads how many they are.
func ReadLast(runs, branch string) (l Last, err error) {
	const most = 1000
	if l.Runs, err = strconv.Atoi(runs); err != nil || l.Runs < 1 || l.Runs > most {
		return l, fmt.Errorf("%s runs are not compared with; write a number from 1 to %d", runs, most)
	}
	l.Branch = branch
	return l, nil
}

// String is how sentences name them.
func (l Last) String() string {
	if l.Branch == "" {
		return fmt.Sprintf("the last %d runs", l.Runs)
	}
	return fmt.Sprintf("the last %d runs on the branch %q", l.Runs, l.Branch)
}

// Find asks the history for the last runs with the same labels. Where there is none of them, it finds the newest with
// other ones, so that the labels say what changed. The mock's runs are not held against those of a real server.
func (l Last) Find(of Scenario) (Runs, error) {
	i := of.Identity
	q := history.Query{Feature: i.Feature, Scenario: i.Scenario, Tag: i.Tag, Target: i.Target, Branch: l.Branch, Whole: true, Ended: true, Comparable: true, Like: of.Labels, Last: l.Runs}
	r, err := of.find(l.String(), q)
	if err == nil && r.Base == nil {
		q.Like, q.Last = nil, 1
		r, err = of.find(l.String(), q)
	}
	return r, err
}

// Stored is one run, by the name of its folder, or the newest that came to its end of those with this name after the date.
type Stored struct{ Name string }

// ReadStored reads its name.
func ReadStored(name string) (Stored, error) {
	if strings.TrimSpace(name) == "" {
		return Stored{}, errors.New(`no run has an empty name; write that of its folder: compared with the run "run=20261201T120000Z-chat"`)
	}
	return Stored{name}, nil
}

// Find asks the history. A run that was stopped early has figures too, and is no reference.
func (s Stored) Find(of Scenario) (Runs, error) {
	if _, err := ReadStored(s.Name); err != nil {
		return Runs{}, err
	}
	named := fmt.Sprintf("the run %q", s.Name)
	r, err := of.find(named, history.Query{Name: s.Name, Ended: true, Comparable: true, Last: 1})
	if err != nil || r.Base != nil {
		return r, err
	}
	stopped, err := of.Ask(history.Query{Name: s.Name, Last: 1})
	if err == nil && len(stopped) > 0 && stopped[0].Stopped != "" {
		return r, fmt.Errorf("%s was stopped early (%s), and nothing is compared with it; vllmspec history list names the stored ones", named, stopped[0].Stopped)
	}
	if err == nil {
		err = fmt.Errorf("there is no run %q with figures; vllmspec history list names the stored ones", s.Name)
	}
	return r, err
}

func (of Scenario) find(name string, q history.Query) (Runs, error) {
	if of.Ask == nil {
		return Runs{}, errors.New("no history of stored runs was given")
	}
	q.Details, q.All = true, true
	found, err := of.Ask(q)
	if err != nil {
		return Runs{}, err
	}
	r := Runs{Name: name, Base: history.Baseline(name, of.Name, found), Copy: store.CopyOfRuns(name), Unpaired: len(found) != 1, Since: name, Anew: "compare again once runs like this one are stored"}
	if r.Base != nil {
		r.Raw = r.Base.Bench()
	}
	return r, nil
}
