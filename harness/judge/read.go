package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
)

// Read is a stored run with its verdicts, which must be those that its files give. Where
// the files do not say what was judged, the verdicts are taken as they stand.
func Read(dir string) (*Rejudged, error) {
	r, err := Again(dir)
	switch {
	case errors.Is(err, ErrNotSaid):
		return asStored(dir)
	case err != nil:
		return nil, err
	}
	return r, r.Check()
}

func asStored(dir string) (*Rejudged, error) {
	m, raw, err := store.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	r := &Rejudged{Dir: dir, Manifest: m, Stored: raw}
	if err := json.Unmarshal(raw, &r.Verdicts); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "verdicts.json"), err)
	}
	if len(m.Trials) > 0 {
		r.Whole, err = readTrials(dir)
		return r, err
	}
	stored, err := store.Open(dir)
	if err != nil {
		return nil, err
	}
	r.Run, r.Window = stored.Run, slo.Measure(stored.Run)
	return r, nil
}
