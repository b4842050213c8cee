package environment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Place is where tests are.
type Place struct {
	Root     string // folder of the module: relative paths count from here
	Dir      string // working directory of the test: data may lie beside it too
	Test     string // its name
	Features string // folder that is run where the environment names none
	Program  string // that runs them, where that is not go test
}

// Module is the folder of the module that a folder lies in, the nearest above it with a go.mod; the
// folder itself where there is none.
func Module(folder string) string {
	for dir := folder; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil && !info.IsDir() {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return folder
		}
	}
}

// isFeature reports whether a file is a feature by its name, however it is written.
func isFeature(path string) bool { return strings.EqualFold(filepath.Ext(path), ".feature") }

// readFeatures reads VLLMSPEC_FEATURES: files, folders and patterns, with commas, or what the system puts
// between the paths of a list, between them. A file may name scenarios by their lines, x.feature:12. A path
// that is there is taken as it stands, whatever is in its name.
func (e *Environment) readFeatures(list string) error {
	e.Features, e.Lines = nil, map[string][]int{}
	pieces := regexp.MustCompile(`[,`+regexp.QuoteMeta(string(filepath.ListSeparator))+`]`).FindAllStringIndex(list, -1)
	ends := []int{}
	for _, piece := range pieces {
		ends = append(ends, piece[0])
	}
	ends = append(ends, len(list))
	for from := 0; from < len(list); {
		rest := slices.DeleteFunc(slices.Clone(ends), func(end int) bool { return end < from })
		to, found := rest[0], false
		for _, end := range slices.Backward(rest) { // the longest that is there
			if found = e.addFeatures(strings.TrimSpace(list[from:end])); found {
				to = end
				break
			}
		}
		if name := strings.TrimSpace(list[from:to]); !found && name != "" {
			return e.noFeatures(name)
		}
		from = to + 1
	}
	if e.Features == nil {
		return errors.New("VLLMSPEC_FEATURES names no file or folder")
	}
	if len(e.Lines) == 0 {
		e.Lines = nil
	}
	return nil
}

// addFeatures adds what a name stands for, and reports whether that is there.
func (e *Environment) addFeatures(name string) bool {
	if name == "" {
		return false
	}
	if path, found := e.Find(name); found {
		e.addFeature(path)
		return true
	}
	if parts := withLines.FindStringSubmatch(name); parts != nil {
		if path, found := e.Find(parts[1]); found && isFeature(path) {
			var lines []int
			for _, line := range strings.Split(parts[2], ":")[1:] {
				n, _ := strconv.Atoi(line)
				lines = append(lines, n)
			}
			e.addFeature(path, lines...)
			return true
		}
	}
	if !strings.ContainsAny(name, "*?[") {
		return false
	}
	for _, at := range e.Candidates(name) {
		if paths := matching(at); paths != nil {
			for _, path := range paths {
				e.addFeature(path)
			}
			return true
		}
	}
	return false
}

// withLines is x.feature:12, or x.feature:12:40.
var withLines = regexp.MustCompile(`^(.+?)((?::\d{1,9})+)$`)

// addFeature adds a file or folder, or these lines of a file: all of it, where it is also named without.
func (e *Environment) addFeature(path string, lines ...int) {
	if !slices.Contains(e.Features, path) {
		e.Features = append(e.Features, path)
		if lines != nil {
			e.Lines[path] = lines
		}
		return
	}
	if some, ok := e.Lines[path]; ok && lines != nil {
		e.Lines[path] = append(some, lines...)
		return
	}
	delete(e.Lines, path)
}

func (e *Environment) noFeatures(name string) error {
	what := "there is no file or folder"
	if strings.ContainsAny(name, "*?[") {
		what = "no .feature file matches"
	}
	return fmt.Errorf("VLLMSPEC_FEATURES: %s %s", what, strings.Join(e.Candidates(name), ", nor "))
}

// Candidates are the paths that a name may stand for.
func (e *Environment) Candidates(name string) []string {
	paths := []string{e.FromRoot(name)}
	if e.Dir != "" && e.Dir != e.Root && !filepath.IsAbs(name) {
		paths = append(paths, filepath.Join(e.Dir, name))
	}
	return paths
}

// Find is the path of a file or folder: from the module's root, or else from the test's own.
func (e *Environment) Find(name string) (path string, found bool) {
	all := e.Candidates(name)
	for _, path := range all {
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return all[0], false
}

// matching are the feature files of a pattern, and the folders; "**" stands for any number of folders.
func matching(pattern string) []string {
	if !strings.Contains(pattern, "**") {
		paths, _ := filepath.Glob(pattern) // a pattern that is none matches nothing
		return slices.DeleteFunc(paths, func(path string) bool {
			info, err := os.Stat(path)
			return err == nil && !info.IsDir() && !isFeature(path)
		})
	}
	expression := regexp.QuoteMeta(filepath.ToSlash(pattern))
	expression = strings.NewReplacer(`/\*\*/`, `/(?:.*/)?`, `\*\*`, `.*`, `\*`, `[^/]*`, `\?`, `[^/]`).Replace(expression)
	whole, err := regexp.Compile("^" + expression + "$")
	if err != nil {
		return nil
	}
	fixed, _, _ := strings.Cut(pattern, "*")
	var paths []string
	files, _ := FeatureFiles(filepath.Dir(fixed + "x"))
	for _, file := range files {
		if whole.MatchString(filepath.ToSlash(file)) {
			paths = append(paths, file)
		}
	}
	return paths
}

// FeatureFiles are the feature files in a folder, or the file itself, each once however many links
// lead to it.
func FeatureFiles(path string) (files []string, err error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, notThere(path, err)
	case !info.IsDir() && isFeature(path):
		return []string{path}, nil
	case !info.IsDir():
		return nil, nil
	}
	return inFolder(path, nil)
}

// inFolder goes through a folder, and through the folders that links in it lead to. above are
// the folders that it is in, as they are without links.
func inFolder(folder string, above []string) (files []string, err error) {
	resolved, err := filepath.EvalSymlinks(folder)
	if err != nil || slices.Contains(above, resolved) {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	var errs []error
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		// Kubernetes keeps the files of a mounted ConfigMap in folders with such names, and links to them.
		if strings.HasPrefix(entry.Name(), "..") {
			continue
		}
		info, err := os.Stat(path)
		switch {
		case err != nil && isFeature(path):
			errs = append(errs, notThere(path, err))
		case err != nil: // what is no feature is none of our business
		case info.IsDir():
			more, err := inFolder(path, append(slices.Clone(above), resolved))
			files, errs = append(files, more...), append(errs, err)
		case isFeature(path):
			files = append(files, path)
		}
	}
	return files, errors.Join(append(errs, err)...)
}

// notThere says where a link leads that leads nowhere.
func notThere(path string, err error) error {
	if to, wrong := os.Readlink(path); wrong == nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is a link to %s, which is not there", path, to)
	}
	return err
}

// EachOnce leaves each file once: by the shortest of its names, so that a link to a folder beside
// the folder changes nothing.
func EachOnce(files []string) []string {
	slices.SortStableFunc(files, func(a, b string) int {
		if d := strings.Count(a, string(filepath.Separator)) - strings.Count(b, string(filepath.Separator)); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	seen := map[string]bool{}
	return slices.DeleteFunc(files, func(path string) bool {
		resolved, err := filepath.EvalSymlinks(path)
		if err != nil {
			resolved = path
		}
		again := seen[resolved]
		seen[resolved] = true
		return again
	})
}
