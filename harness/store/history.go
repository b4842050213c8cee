package store

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Past is a stored run, or a group of repeats, as far as its figures go.
type Past struct {
	Run, Scenario string
	Start         time.Time
	*Baseline     // its bench.txt
}

// History is the runs of a scenario that are stored under root, or of all scenarios
// for "", the oldest first: those that came to their end and have figures. One that
// cannot be read is left out: a broken run of last year must not fail the one of
// today.
func History(root, scenario string) ([]Past, error) {
	names, err := Names(root)
	if err != nil {
		return nil, err
	}
	slices.Reverse(names)
	var out []Past
	for _, name := range names {
		if !strings.Contains(name, slug(scenario)) {
			continue // cheaper than to read it
		}
		past, err := past(filepath.Join(root, name))
		if err == nil && (scenario == "" || past.Scenario == scenario) {
			out = append(out, past)
		}
	}
	return out, nil
}

func past(dir string) (Past, error) {
	manifest, _, err := ReadManifest(dir)
	if err != nil {
		return Past{}, err
	}
	switch {
	case manifest.Stopped.Early():
		return Past{}, fmt.Errorf("%s was %s", dir, manifest.Stopped)
	case manifest.Trial != nil:
		return Past{}, fmt.Errorf("%s is a part of %s", dir, manifest.Trial.Of)
	}
	b, err := ReadBaseline(filepath.Join(dir, "bench.txt"))
	if err == nil {
		b, err = b.Of(manifest.Scenario.Name)
	}
	return Past{manifest.Run, manifest.Scenario.Name, manifest.Start, b}, err
}
