package origin

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Ending finds the files of a folder of the user's that have an ending, those of folders in it too, or one file.
func (o *Origins) Ending(name, ending string) (Files, error) {
	path, found := o.local(name)
	if !found {
		return Files{}, fmt.Errorf("there is no folder %s", name)
	}
	info, err := os.Stat(path)
	if err != nil {
		return Files{}, err
	}
	ends := func(file string) bool { return strings.EqualFold(filepath.Ext(file), ending) }
	out := Files{FS: os.DirFS(path), Name: filepath.Base(path)}
	switch {
	case info.IsDir():
		if out.Parts, err = listed(out.FS); err != nil {
			return Files{}, fmt.Errorf("%s: %w", name, err)
		}
		out.Parts = slices.DeleteFunc(out.Parts, func(file string) bool { return !ends(file) })
		slices.Sort(out.Parts)
	case ends(path):
		out = Files{FS: os.DirFS(filepath.Dir(path)), Name: filepath.Base(filepath.Dir(path)), Parts: []string{filepath.Base(path)}}
	}
	if len(out.Parts) == 0 {
		return Files{}, fmt.Errorf("%s: there is no file in it that ends in %s", name, ending)
	}
	return out, nil
}
