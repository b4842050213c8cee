package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/vllmspec/vllmspec/harness/store"
)

// Read is a stored run with its verdicts, which must be those that its files give. Where
// the files do not say what was judged, the verdicts are taken as they stand.
func Read(dir string, with ...With) (*Rejudged, error) {
	r, err := Again(dir, with...)
	switch {
	case errors.Is(err, ErrNotSaid):
		return asStored(dir, with)
	case err != nil:
		return nil, err
	}
	return r, r.Check()
}

func asStored(dir string, with []With) (*Rejudged, error) {
	m, raw, err := store.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	r := &Rejudged{Dir: dir, Manifest: m, Stored: raw}
	if err := json.Unmarshal(raw, &r.Verdicts); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "verdicts.json"), err)
	}
	if len(m.Trials) > 0 {
		r.Group, err = readTrials(dir)
		return r, err
	}
	one, err := open(dir, with...)
	if err != nil {
		return nil, err
	}
	r.Run, r.Window, r.Times = one.run, one.window, one.observer.Times()
	return r, nil
}
