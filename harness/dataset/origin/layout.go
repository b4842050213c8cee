package origin

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/packed"
)

// mostFiles is how many files of a folder are looked at.
const mostFiles = 1_000_000

// inFolder is the files of a folder. What is unpacked in it comes out of the budget of the archive that the folder is; the
// user's own has none.
func (o *Origins) inFolder(folder, name string, budget *packed.Budget) (Files, error) {
	all, err := listed(os.DirFS(folder))
	if err != nil {
		return Files{}, fmt.Errorf("%s: %w", name, err)
	}
	chosen, err := choose(all)
	if err != nil {
		return Files{}, fmt.Errorf("%s: %w", name, err)
	}
	out := Files{FS: os.DirFS(folder), Parts: chosen.files, Whole: chosen.whole, Name: name}
	if chosen.note != "" {
		out.Notes = []string{name + ": " + chosen.note}
	}
	return o.decompressed(folder, out, budget)
}

// decompressed is the files with those unpacked that are compressed.
func (o *Origins) decompressed(folder string, of Files, budget *packed.Budget) (Files, error) {
	isPacked := func(part string) bool { form, _ := packed.FormOf(part); return form != packed.None }
	packedParts := 0
	for _, part := range of.Parts {
		if isPacked(part) {
			packedParts++
		}
	}
	switch packedParts {
	case 0:
		return of, nil
	case len(of.Parts):
	default:
		return Files{}, fmt.Errorf("%s: some of its files are compressed and some are not; make them alike", of.Name)
	}
	into, err := o.scratch()
	if err != nil {
		return Files{}, err
	}
	parts := of.Parts
	of.FS, of.Parts = os.DirFS(into), nil
	from := map[string]string{} // by what comes out
	for _, part := range parts {
		_, inner := packed.FormOf(part)
		if other, both := from[inner]; both {
			return Files{}, fmt.Errorf("%s: %s and %s both unpack to %s; remove one, or name one", of.Name, other, part, inner)
		}
		from[inner] = part
		if err := o.unpack(filepath.Join(folder, filepath.FromSlash(part)), into, inner, budget); err != nil {
			return Files{}, fmt.Errorf("%s/%s: %w", of.Name, part, err)
		}
		of.Parts = append(of.Parts, inner)
	}
	return of, nil
}

// listed is the files below a folder.
func listed(files fs.FS) (all []string, err error) {
	err = fs.WalkDir(files, ".", func(at string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case packed.Hidden(at) && entry.IsDir():
			return fs.SkipDir
		case entry.IsDir() || packed.Hidden(at):
			return nil
		case len(all) == mostFiles:
			return fmt.Errorf("it holds more than %d files", mostFiles)
		}
		all = append(all, at)
		return nil
	})
	return all, err
}

// visible are the files that systems do not hide.
func visible(all []string) []string {
	return slices.DeleteFunc(all, packed.Hidden)
}

// A choice is the files of a folder that are asked.
type choice struct {
	files []string
	whole bool   // each is one prompt
	note  string // what was left out; "": nothing that matters
}

// Endings of files in folders. A folder of a dataset's repository holds many that describe it.
var (
	dataEndings = []string{".parquet", ".jsonl", ".csv", ".json"}
	textEndings = []string{".txt", ".md", ".prompt"}
	describing  = regexp.MustCompile(`(?i)^(readme|licen[cs]e|notice|changelog|citation|contributing)(\.[a-z]+)?$|^(dataset_infos?|dataset_dict|state|metadata|config)\.json$`)
)

// choose finds out what a folder holds: files of a dataset, or texts of a prompt each. They come in the order of their names.
func choose(all []string) (choice, error) {
	data := map[string][]string{} // by ending
	var texts, archives []string
	arrow := false
	for _, name := range slices.Sorted(slices.Values(all)) {
		form, plain := packed.FormOf(name)
		switch ending := strings.ToLower(path.Ext(plain)); {
		case form == packed.Archive:
			archives = append(archives, name)
		case describing.MatchString(path.Base(name)):
		case slices.Contains(dataEndings, ending):
			data[ending] = append(data[ending], name)
		case slices.Contains(textEndings, ending):
			texts = append(texts, name)
		case ending == ".arrow":
			arrow = true
		}
	}
	switch {
	case data[".parquet"] != nil: // the files of a dataset's repository; others are beside them
		if err := oneDataset(data[".parquet"]); err != nil {
			return choice{}, err
		}
		chosen := chooseSplit(data[".parquet"])
		if delete(data, ".parquet"); len(data) > 0 {
			chosen.note = strings.TrimPrefix(chosen.note+"; its Parquet files are asked, and other files are not: "+counts(data, nil), "; ")
		}
		return chosen, nil
	case len(data) > 1 || len(data) == 1 && texts != nil:
		return choice{}, fmt.Errorf("it holds files of several forms (%s); name one of them, or put those of one form into a folder", counts(data, texts))
	case len(data) == 1:
		for _, files := range data {
			return chooseSplit(files), nil
		}
	case texts != nil:
		return choice{files: texts, whole: true}, nil
	case archives != nil:
		return choice{}, fmt.Errorf("it holds archives (%s); name one of them, or unpack them", some(archives))
	case arrow:
		return choice{}, errors.New("it holds files of Arrow, as save_to_disk of Hugging Face's datasets writes them; write it with to_parquet or to_json")
	}
	return choice{}, fmt.Errorf("there is nothing to ask in it: it must hold files of prompts (%s), or texts of a prompt each (%s)", strings.Join(dataEndings, ", "), strings.Join(textEndings, ", "))
}

// counts is how many files of each form there are.
func counts(data map[string][]string, texts []string) string {
	var parts []string
	for _, ending := range slices.Sorted(maps.Keys(data)) {
		parts = append(parts, fmt.Sprintf("%d of %s", len(data[ending]), ending))
	}
	if texts != nil {
		parts = append(parts, fmt.Sprintf("%d texts", len(texts)))
	}
	return strings.Join(parts, ", ")
}

// splits finds the split that a file of a dataset belongs to by its name: data/train-00000-of-00002.parquet.
var splits = regexp.MustCompile(`(?i)(?:^|[-_./])(train|test|validation|valid|val|dev)(?:[-_./]|$)`)

// chooseSplit takes the split that is for training of a dataset with several: it is the largest.
func chooseSplit(files []string) choice {
	bySplit := map[string][]string{}
	for _, name := range files {
		split := ""
		if found := splits.FindStringSubmatch(name); found != nil {
			split = strings.ToLower(found[1])
		}
		bySplit[split] = append(bySplit[split], name)
	}
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(bySplit)), func(name string) bool { return name == "train" || name == "" })
	if bySplit["train"] == nil || len(others) == 0 {
		return choice{files: files}
	}
	if n := len(bySplit[""]); n > 0 {
		others = append(others, "and "+some(bySplit[""])+", whose names say no split")
	}
	return choice{files: bySplit["train"], note: fmt.Sprintf("only its split train is asked, not %s; to ask that, name its file", strings.Join(others, ", "))}
}

// oneDataset refuses files of several datasets, a folder each: the user names one.
func oneDataset(files []string) error {
	configurations := map[string]bool{}
	for _, name := range files {
		configurations[configurationOf(name)] = true
	}
	if len(configurations) == 1 {
		return nil
	}
	return fmt.Errorf("it holds several datasets, %s; name the folder of one", some(slices.Sorted(maps.Keys(configurations))))
}

// some is the first names of a list, and how many more there are.
func some(names []string) string {
	const shown = 12
	more := ""
	if n := len(names) - shown; n > 0 {
		names, more = names[:shown], fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(names, ", ") + more
}

// configurationOf is the folder that a file's dataset has, without those that name its splits; "." for none.
func configurationOf(name string) string {
	var parts []string
	for part := range strings.SplitSeq(path.Dir(name), "/") {
		if part != "data" && part != "." && !splits.MatchString(part) {
			parts = append(parts, part)
		}
	}
	return path.Join(append(parts, ".")...)
}
