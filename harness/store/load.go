package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
)

// A Load is a load as data.
type Load struct {
	Kind     LoadKind        `json:"kind"`
	Arrivals json.RawMessage `json:"arrivals,omitempty"` // as [arrival.Encode] writes it; open only
	ForNS    int64           `json:"for_ns,omitempty"`
	Requests int             `json:"requests,omitempty"`
	InFlight int             `json:"in_flight,omitempty"` // open only
	Users    int             `json:"users,omitempty"`     // closed only
	Think    *harness.Think  `json:"think,omitempty"`
}

// A LoadKind is one of the loads that there are.
type LoadKind string

// The kinds.
const (
	OpenLoad   LoadKind = "open"
	ClosedLoad LoadKind = "closed"
)

// loadData is a load as data; nil for none, or for one whose arrivals cannot be written.
func loadData(load harness.Load) *Load {
	switch l := load.(type) {
	case harness.Open:
		data := &Load{Kind: OpenLoad, ForNS: int64(l.For), Requests: l.Requests, InFlight: l.InFlight, Think: thinkData(l.Think)}
		if l.Arrivals == nil {
			return data
		}
		raw, err := arrival.Encode(l.Arrivals)
		if err != nil {
			return nil
		}
		data.Arrivals = raw
		return data
	case harness.Closed:
		return &Load{Kind: ClosedLoad, Users: l.Users, ForNS: int64(l.For), Requests: l.Requests, Think: thinkData(l.Think)}
	}
	return nil
}

func thinkData(t harness.Think) *harness.Think {
	if t == (harness.Think{}) {
		return nil
	}
	return &t
}

// load is the load that the data describes.
func (l *Load) load() (harness.Load, error) {
	var think harness.Think
	if l.Think != nil {
		think = *l.Think
	}
	switch l.Kind {
	case ClosedLoad:
		return harness.Closed{Users: l.Users, Think: think, For: time.Duration(l.ForNS), Requests: l.Requests}, nil
	case OpenLoad:
		open := harness.Open{For: time.Duration(l.ForNS), Requests: l.Requests, InFlight: l.InFlight, Think: think}
		if l.Arrivals == nil {
			return open, nil
		}
		arrivals, err := arrival.Decode(l.Arrivals)
		open.Arrivals = arrivals
		return open, err
	}
	return nil, fmt.Errorf("a load of the kind %q is not known to this version", l.Kind)
}

// A Dataset is a dataset as far as run.json describes it. Nothing can be drawn from it.
type Dataset struct {
	Says string          // as it printed itself
	Data json.RawMessage // as it described itself; nil where it did not
}

func (d Dataset) String() string { return d.Says }

// MarshalJSON is the dataset's own description.
func (d Dataset) MarshalJSON() ([]byte, error) {
	if d.Data == nil {
		return json.Marshal(nil)
	}
	return d.Data, nil
}

// Conversations implements [harness.Dataset]; it always fails.
func (d Dataset) Conversations(*rand.Rand) (iter.Seq[harness.Conversation], error) {
	return nil, errors.New("a stored run only describes what was asked: " + d.Says)
}

// datasetData is a dataset as it describes itself; nil where it does not.
func datasetData(d harness.Dataset) json.RawMessage {
	if _, ok := d.(json.Marshaler); !ok {
		return nil
	}
	raw, err := json.Marshal(d)
	if err != nil || string(raw) == "null" {
		return nil
	}
	return raw
}

// scenario is the scenario as it was run. Files of older versions tell of the load only
// how many requests could be in flight.
func (m *Manifest) scenario() (harness.Scenario, error) {
	of := &m.Scenario
	s := harness.Scenario{Name: of.Name, Where: of.Where, Sentences: of.Sentences, Seed: of.Seed, Warmup: time.Duration(of.WarmupNS), Cache: of.Cache, Leftovers: of.Leftovers,
		Good: of.Good, Objectives: of.Objectives, Labels: of.Labels}
	if of.Interface != nil {
		s.Interface = *of.Interface
	}
	if of.Abandonment != nil {
		s.Abandonment = *of.Abandonment
	}
	if of.Dataset != "" || of.DatasetData != nil {
		s.Dataset = Dataset{Says: of.Dataset, Data: of.DatasetData}
	}
	switch {
	case of.LoadData != nil:
		load, err := of.LoadData.load()
		if err != nil {
			return s, fmt.Errorf("run.json: load_data: %w", err)
		}
		s.Load = load
	case of.InFlight > 0:
		s.Load = harness.Open{InFlight: of.InFlight}
	}
	return s, nil
}
