package experiment

import (
	"context"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/server"
)

// A Replay makes a run of a scenario without a client and in no time: of the mock's own instants, say.
// Runs that are replayed are judged, and stored nowhere.
type Replay func(context.Context, harness.Scenario) (*harness.Run, error)

// replays reports whether runs are replayed.
func (p Place) replays() bool { return p.Replay != nil }

// replay is a run without a server.
func (t *trial) replay(ctx context.Context) (err error) {
	t.run, err = t.of.session.Place.Replay(ctx, t.scenario)
	return err
}

// unserved is what stands for a server where runs are replayed.
func unserved(e *Experiment) *endpoint {
	return &endpoint{Server: new(server.Server), of: e, labels: e.scenario.Labels}
}
