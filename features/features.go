// Package features holds the scenarios that show what a feature can say, as files and in programs, and the one test that
// runs them. The folder proofs has those that show that verdicts are true; package steps/stored runs both.
package features

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.feature baselines
var files embed.FS

// Files is the feature files, and the folder baselines with what one of them compares with.
func Files() fs.FS { return files }

// Names are the features, each its file without the ending: users is users.feature.
func Names() (names []string) {
	paths, _ := fs.Glob(files, "*.feature") // the pattern is well-formed
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(path, ".feature"))
	}
	return names
}

// Baselines are the files that a feature compares with, none for most.
func Baselines(name string) (paths []string) {
	text, err := fs.ReadFile(files, name+".feature")
	if err != nil {
		return nil
	}
	all, _ := fs.Glob(files, "baselines/*.txt")
	for _, path := range all {
		if strings.Contains(string(text), `"`+strings.TrimSuffix(strings.TrimPrefix(path, "baselines/"), ".txt")+`"`) {
			paths = append(paths, path)
		}
	}
	return paths
}
